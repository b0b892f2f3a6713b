"""The MLflow dashboard on this machine only: `make dashboard`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from unrolled import guard, results, settings, tracking

FIRST_PORT = 5050


def free_port() -> int:
    """Return the first free port from `FIRST_PORT` on."""
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise tracking.TrackingError(f"no port from {FIRST_PORT} to {FIRST_PORT + 99} is free; stop one of the servers there.")


def main() -> None:
    """Bring the store up to date, serve it, and print where to look."""
    with results.exit_on_user_error():
        tracking.mirror(settings.load())
        found, port, uri = tracking.experiments(), free_port(), tracking.store_uri()
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port),
             "--workers", "1"], env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
            start_new_session=True)
        print("The runs, one experiment per task (Ctrl-C ends the server):", flush=True)
        for name, identifier in found:
            print(f"  {name:28} http://127.0.0.1:{port}/#/experiments/{identifier}/runs?workflowType=machine_learning", flush=True)
        wait(server)


def wait(server: subprocess.Popen) -> None:
    """Wait for the server; on Ctrl-C or SIGTERM end it with all its workers."""
    guard.end_on_signals()
    try:
        server.wait()
    except KeyboardInterrupt:
        print("The dashboard is closed.")
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=20)


if __name__ == "__main__":
    main()
