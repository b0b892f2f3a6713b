"""Results into a real MLflow server: SQLite behind it, artifacts in its own folder, reached through it alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import ROOT
from ray_nodes import free_port
from test_tracking import empty_store, runs, track_in_a_process, write_figure, write_run  # noqa: F401 (a fixture)

from unrolled import settings, tracking
from unrolled.tracking import pictures, store

pytestmark = pytest.mark.unit


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Yield the address of a server on this machine only."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
        bound = {found.laddr.ip for child in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                 for found in child.net_connections("tcp") if found.status == psutil.CONN_LISTEN}
        assert bound == {"127.0.0.1"}
        yield f"http://127.0.0.1:{port}"
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        process.wait()


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory, empty_store) -> Iterator[tuple[str, Path]]:  # noqa: F811
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    with serve(folder) as address:
        yield address, folder


@pytest.fixture
def remote(server, workplace, params, monkeypatch) -> settings.Settings:
    """Two finished runs and one figure here, and a server elsewhere."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server[0])
    for run in ("tanh", "gru"):
        write_run("adding", run)
    write_figure("activations")
    return settings.parse(params)


@pytest.mark.long
def test_once_everything_is_there_and_twice_adds_nothing(server, remote, monkeypatch):
    assert tracking.mirror(remote) == {"added": 2}
    client, found = runs()
    assert set(found) == {"tanh", "gru"} and all(run.info.status == "FINISHED" for run in found.values())
    for run in found.values():
        assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"figures", "result.json", "history.csv"}
        shown = {file.path for file in client.list_artifacts(run.info.run_id, "figures")}
        assert shown == {"figures/learning_curves.svg", "figures/final_scores.svg", "figures/activations_activations.svg"}
        assert run.info.artifact_uri.startswith("mlflow-artifacts:")
    assert {path.name for path in (server[1] / "artifacts").rglob("*.svg")} == {"learning_curves.svg", "final_scores.svg", "activations_activations.svg"}
    assert not Path("mlruns").exists() and not Path("mlflow.db").exists()
    monkeypatch.setattr(pictures.MlflowClient, "log_artifacts", lambda *arguments: pytest.fail("sent again"))
    assert tracking.mirror(remote) == {"there": 2}
    assert {name: run.info.run_id for name, run in runs()[1].items()} == {name: run.info.run_id for name, run in found.items()}


def test_figures_drawn_again_and_changed_results_are_sent(remote):
    tracking.mirror(remote)
    write_figure("activations", "<svg xmlns='http://www.w3.org/2000/svg'><g/></svg>")
    assert tracking.mirror(remote) == {"there": 2}
    client, found = runs()
    place = client.download_artifacts(found["tanh"].info.run_id, "figures/activations_activations.svg")
    assert "<g/>" in Path(place).read_text(encoding="utf-8")
    write_run("adding", "gru", loss=0.25)
    assert tracking.mirror(remote) == {"there": 1, "replaced": 1}
    assert runs()[1]["gru"].data.metrics["final/mean_squared_error"] == 0.25


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "http://someone:secret@127.0.0.1:{port}"])
def test_a_server_that_is_down_is_one_sentence(workplace, monkeypatch, address):
    write_run("adding", "tanh")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(port=free_port()))
    started = time.monotonic()
    process = track_in_a_process()
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 2 and complaint.count("\n") == 1 and "Traceback" not in complaint, complaint
    assert "no MLflow server answers at http://127.0.0.1:" in complaint and "secret" not in complaint
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(("address", "complaint"), [
    ("http://[::1", "correct or unset MLFLOW_TRACKING_URI"), ("mysql+nosuchdriver://x/y", "MLFLOW_TRACKING_URI|MLflow store"),
    ("postgresql+psycopg2://x/y", "its database driver 'psycopg2' is not installed")])
def test_an_address_that_is_none_is_one_sentence(workplace, monkeypatch, address, complaint):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(tracking.TrackingError, match=complaint), store.held():
        pass


def test_what_answers_but_is_no_mlflow_is_one_sentence(remote, monkeypatch, server):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{server[0]}/nowhere")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(tracking.TrackingError, match=r"the MLflow server .* cannot be used"):
        tracking.mirror(remote)


def test_the_dashboard_of_this_machine_does_not_stand_in_for_a_server(workplace, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    done = subprocess.run([sys.executable, "-m", "pipelines.dashboard"], env={**os.environ, "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "pages of its own" in done.stderr and done.stderr.count("\n") == 1
