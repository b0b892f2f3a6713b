"""Results into MLflow and back out: nothing twice, nothing missing, whatever happened to the store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from filelock import FileLock

from unrolled import progress, results, settings, tracking

pytestmark = pytest.mark.unit


def write_run(task: str, run: str, loss: float = 0.5) -> None:
    member = {"seed": 0, "learning_rate": 0.01, "key": "k", "metrics": {"mean_squared_error": loss, "success": 1.0}, "validation": {}, "diverged": None}
    other = {**member, "seed": 1, "metrics": {"mean_squared_error": None, "success": 0.0}, "diverged": {"step": 7, "cause": "loss is not finite"}}
    results.write_json(results.run_file(task, run), {
        "format": results.FORMAT, "task": task, "run": run, "settings": {"cell": "elman", "hidden": 3}, "device": "cpu", "torch": "x",
        "parameters": 12, "chance": {}, "tuned": None, "members": [member, other]})
    rows = [{"seed": seed, "learning_rate": 0.01, "step": step, "loss": loss + seed / step, "gradient_norm": 1.0}
            for seed in (0, 1) for step in (5, 10) if (seed, step) != (1, 10)]
    results.write_csv(results.history_file(task, run), rows)
    results.write_arrays(results.items_file(task, run), {})


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A store without runs; making one takes seconds, so it is made once."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    tracking.open_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def store(workplace, params, monkeypatch, empty_store):
    """Two finished runs and an empty store; its address is absolute, since MLflow keeps connections by address."""
    shutil.copy(empty_store, workplace / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{workplace / 'mlflow.db'}")
    for run in ("tanh", "gru"):
        write_run("adding", run)
    return settings.parse(params)


def track_in_a_process() -> subprocess.Popen:
    """Start `python -m pipelines.track` here."""
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return subprocess.Popen([sys.executable, "-m", "pipelines.track"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(ROOT)})


def runs(name: str = "unrolled/adding"):
    client = tracking.open_store(tracking.store_uri())
    experiment = client.get_experiment_by_name(name)
    return client, {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_what_is_mirrored_and_only_once(store):
    assert tracking.mirror(store) == {"added": 2}
    client, found = runs()
    assert set(found) == {"tanh", "gru"}
    run = found["tanh"]
    assert run.info.status == "FINISHED" and run.data.params["hidden"] == "3" and run.data.tags["cell"] == "elman"
    assert run.data.metrics["final_mean_squared_error"] == 0.5 and run.data.metrics["diverged_members"] == 1
    curve = {point.step: point.value for point in client.get_metric_history(run.info.run_id, "loss")}
    assert curve == {5: pytest.approx(0.5 + 0.1), 10: pytest.approx(0.5)}  # means of 0.5 and 0.7; the frozen member is left out
    assert tracking.mirror(store) == {"there": 2}


def test_changed_results_replace_and_deleted_runs_come_back(store):
    tracking.mirror(store)
    write_run("adding", "gru", loss=0.25)
    assert tracking.mirror(store) == {"there": 1, "replaced": 1}
    client, found = runs()
    assert found["gru"].data.metrics["final_mean_squared_error"] == 0.25 and len(found) == 2
    client.delete_run(found["tanh"].info.run_id)
    assert tracking.mirror(store) == {"there": 1, "added": 1}
    client.delete_experiment(found["gru"].info.experiment_id)
    tracking.mirror(store)
    assert set(runs()[1]) == {"tanh", "gru"}


def test_a_run_that_a_killed_process_left_half_done_is_done_again(store):
    tracking.mirror(store)
    client, found = runs()
    client.update_run(found["gru"].info.run_id, status="RUNNING")
    assert tracking.mirror(store) == {"there": 1, "replaced": 1}
    assert all(run.info.status == "FINISHED" for run in runs()[1].values())


def test_seconds_are_no_part_of_the_hash(store):
    before = tracking.result_hash("adding", "tanh")
    results.write_json(results.seconds_file("adding"), {"tanh": 1.5})
    assert tracking.result_hash("adding", "tanh") == before
    write_run("adding", "tanh", loss=0.1)
    assert tracking.result_hash("adding", "tanh") != before


def test_growing_histories_are_shown_and_vanish_when_done(store):
    folder = progress.live_folder()
    folder.mkdir(parents=True)
    rows = [{"seed": 0, "learning_rate": 0.01, "step": step, "loss": 1 / step, "gradient_norm": 1.0} for step in (5, 10, 15)]
    results.write_csv(folder / "adding__lstm__0.csv", rows[:2])
    assert tracking.mirror_live(store) == 1
    results.write_csv(folder / "adding__lstm__0.csv", rows)
    tracking.mirror_live(store)
    client, found = runs()
    points = client.get_metric_history(found["lstm (training)"].info.run_id, "loss")
    assert sorted(point.step for point in points) == [5, 10, 15]
    (folder / "adding__lstm__0.csv").unlink()
    tracking.mirror_live(store)
    assert "lstm (training)" not in runs()[1]


def test_four_at_once_leave_one_run_each(store, monkeypatch):
    Path("mlflow.db").unlink()  # the hardest case: none of them finds a store
    processes = [track_in_a_process() for _ in range(4)]
    said = [process.communicate(timeout=120) for process in processes]
    assert all(process.returncode == 0 for process in processes), said
    assert sum("2 added" in text for text, _ in said) == 1 and sum("2 there" in text for text, _ in said) == 3
    assert set(runs()[1]) == {"tanh", "gru"} and len(runs()[1]) == 2


@pytest.mark.parametrize("spoil", ["damaged", "newer", "locked"])
def test_a_store_that_cannot_be_used_is_one_sentence(store, spoil, monkeypatch):
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", "1")
    connection = sqlite3.connect("mlflow.db", isolation_level=None)
    if spoil == "damaged":
        Path("mlflow.db").write_bytes(b"no database" * 1000)
    elif spoil == "newer":
        connection.execute("update alembic_version set version_num = 'ffffffffffff'")
    else:
        connection.execute("begin exclusive")
    process = track_in_a_process()
    _, error = process.communicate(timeout=120)
    connection.close()
    assert process.returncode == 2 and "move mlflow.db away" in error and "Traceback" not in error, error


def test_another_mirror_is_waited_for(store):
    """While one process mirrors, a second writes nothing, and does its work when the first is done."""
    results.RUNS.mkdir(exist_ok=True)
    with FileLock(results.RUNS / "track.lock"):
        process = track_in_a_process()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=5)
    assert "2 added" in process.communicate(timeout=60)[0] and process.returncode == 0
