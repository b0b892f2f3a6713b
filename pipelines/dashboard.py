"""The MLflow dashboard on this machine only: `make dashboard`."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import uvicorn

from unrolled import guard, results, settings, tracking
from unrolled.tracking import server

FIRST_PORT = 5050


def free_socket() -> socket.socket:
    """Return a socket that is bound to the first free port from `FIRST_PORT` on, on this machine only.

    Raises:
        TrackingError: a hundred ports are taken.
    """
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((server.HOST, port))
            bound.listen()
        except OSError:
            bound.close()
        else:
            return bound
    raise tracking.TrackingError(f"no port from {FIRST_PORT} to {FIRST_PORT + 99} is free; stop one of the servers there.")


def say_where(home: str, found: list[tracking.Experiment], say: Callable[[str], None]) -> None:
    """Print the address, the experiments with what to compare, and the comparison of LSTM with the plain network."""
    for experiment in found:
        say(f"  {home}/unrolled/{experiment.task:22} {experiment.compare}")
    say("Behind each address: /charts for its charts, /compare for its first two runs against each other.")
    for experiment in found:
        if experiment.task == "adding" and list(experiment.first)[:2] == ["lstm", "tanh"]:
            say(f"LSTM against the plain RNN:  {home}/unrolled/adding/compare")
    say(f"The dashboard is open at {home} until Ctrl-C.")


def main() -> None:
    """Bring the store up to date, serve it, and print where to look."""
    with results.exit_on_user_error(), contextlib.suppress(KeyboardInterrupt):
        guard.end_on_signals()
        if tracking.is_server():
            raise tracking.TrackingError("MLFLOW_TRACKING_URI names a server, which has pages of its own: open its address in a browser, "
                                         "or unset the variable for the dashboard of this machine.")
        chosen = settings.load()
        tracking.mirror(chosen)
        found, bound = tracking.experiments(chosen), free_socket()
        configuration = uvicorn.Config(server.application(found), log_level="warning", access_log=False, timeout_graceful_shutdown=3)
        say_where(f"http://{server.HOST}:{bound.getsockname()[1]}", found, lambda text: print(text, flush=True))
        uvicorn.Server(configuration).run(sockets=[bound])
    print("The dashboard is closed.")


if __name__ == "__main__":
    main()
