"""Results into MLflow and back out: nothing twice, nothing missing, whatever happened to the store."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from filelock import FileLock

from pipelines import track
from unrolled import histories, progress, results, settings, tracking
from unrolled.judging import claims
from unrolled.tracking import measures, notes, server, views

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


def write_figure(name: str, content: str = "<svg xmlns='http://www.w3.org/2000/svg'/>") -> Path:
    path = results.analysis_folder(name) / f"{name}.svg"
    results.write_text(path, content)
    return path


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
    assert run.data.metrics["final/mean_squared_error"] == 0.5 and run.data.metrics["final/diverged"] == 1
    assert run.data.params | {"seeds": "2", "parameters": "12", "learning_rate": "0.01", "task": "adding"} == run.data.params
    assert len(run.data.tags["result_hash"]) == 64 and run.data.tags["git_commit"]
    curve = {point.step: point.value for point in client.get_metric_history(run.info.run_id, "training/loss")}
    assert curve == {5: pytest.approx(0.5 + 0.1), 10: pytest.approx(0.5)}  # means of 0.5 and 0.7; the frozen member is left out
    assert tracking.mirror(store) == {"there": 2}


def test_changed_results_replace_and_deleted_runs_come_back(store):
    tracking.mirror(store)
    write_run("adding", "gru", loss=0.25)
    assert tracking.mirror(store) == {"there": 1, "replaced": 1}
    client, found = runs()
    assert found["gru"].data.metrics["final/mean_squared_error"] == 0.25 and len(found) == 2
    with contextlib.closing(sqlite3.connect("mlflow.db")) as connection:  # what was replaced is not kept, else the store would grow
        known = {run for run, in connection.execute("select distinct run_uuid from metrics")}
    assert known == {run.info.run_id for run in found.values()}
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
    first, second = folder / "adding__lstm__0_0.01.csv", folder / "adding__lstm__10_0.01.csv"
    results.write_csv(first, rows[:2])
    assert tracking.mirror_live(store) == 1
    results.write_csv(first, rows)
    results.write_csv(second, rows[:1])  # another job of the same run, far behind
    assert tracking.mirror_live(store) == 2
    client, found = runs()
    names = [f"lstm from {seed} at 0.01 (training)" for seed in (0, 10)]
    steps = [[point.step for point in client.get_metric_history(found[name].info.run_id, "training/loss")] for name in names]
    assert [sorted(part) for part in steps] == [[5, 10, 15], [5]]
    results.write_csv(first, [{**row, "loss": 7.0} for row in rows[:2]])  # stopped, and begun anew
    tracking.mirror_live(store)
    points = client.get_metric_history(runs()[1][names[0]].info.run_id, "training/loss")
    assert sorted((point.step, point.value) for point in points) == [(5, 7.0), (10, 7.0)]
    first.unlink()
    tracking.mirror_live(store)
    assert names[0] not in runs()[1] and names[1] in runs()[1]


def test_a_growing_history_that_another_command_takes_away_is_begun_anew(store):
    """`make train` clears the section's old ones, while `make tune` may be writing some."""
    run = store.tasks["adding"].runs["tanh"]
    row = {"seed": 0, "learning_rate": 0.01, "step": 5, "loss": 0.5, "gradient_norm": 1.0}
    with progress.Live(run, (0, 0.01)) as live:
        live.report([row])
        progress.clear("adding")
        live.report([{**row, "step": 10}, {**row, "step": 15}])
        assert [found["step"] for found in results.read_csv(live.path)] == ["10", "15"]
        assert tracking.mirror_live(store) == 1
    assert not live.path.exists()


def turns(monkeypatch, *mirrors) -> None:
    """Let `follow` take as many turns, each of which mirrors in another way, before Ctrl-C."""
    left = list(mirrors)

    def wait(seconds: float) -> None:
        if not left:
            raise KeyboardInterrupt

    monkeypatch.setattr(track.tracking, "mirror", lambda chosen: left.pop(0)())
    monkeypatch.setattr(track.tracking, "mirror_live", lambda chosen: 0)
    monkeypatch.setattr(track.time, "sleep", wait)


def test_what_a_stage_clears_meanwhile_costs_a_turn_and_what_stays_damaged_is_told(monkeypatch, capsys):
    def vanished():
        raise FileNotFoundError(2, "No such file or directory", "results/train/adding/tanh.csv")

    def damaged():
        raise results.ResultsError("results/train/adding/tanh.json is damaged.")

    mirrored = []
    turns(monkeypatch, vanished, lambda: mirrored.append(1), damaged, lambda: mirrored.append(2), damaged, damaged)
    track.follow(None)
    said = capsys.readouterr()
    assert mirrored == [1, 2] and said.out.endswith("follow: ended.\n")
    assert said.err == "follow: results/train/adding/tanh.json is damaged.\n"


def test_a_store_that_cannot_be_used_ends_following(monkeypatch):
    def locked():
        raise tracking.TrackingError("mlflow.db is locked.")

    turns(monkeypatch, locked)
    with pytest.raises(tracking.TrackingError):
        track.follow(None)


@pytest.mark.long
def test_four_at_once_leave_one_run_each(store, monkeypatch):
    Path("mlflow.db").unlink()  # the hardest case: none of them finds a store
    processes = [track_in_a_process() for _ in range(4)]
    said = [process.communicate(timeout=120) for process in processes]
    assert all(process.returncode == 0 for process in processes), said
    assert sum("2 added" in text for text, _ in said) == 1 and sum("2 there" in text for text, _ in said) == 3
    assert set(runs()[1]) == {"tanh", "gru"} and len(runs()[1]) == 2


@pytest.mark.parametrize("spoil", ["damaged", "newer", pytest.param("locked", marks=pytest.mark.long)])
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


def test_a_store_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(tracking.TrackingError, match=r"could not be made .* check that its folder is there and can be written to"):
        tracking.open_store(f"sqlite:///{tmp_path}/file/below/mlflow.db")


@pytest.mark.long
def test_another_mirror_is_waited_for(store):
    """While one process mirrors, a second writes nothing, and does its work when the first is done."""
    results.RUNS.mkdir(exist_ok=True)
    with FileLock(results.RUNS / "track.lock"):
        process = track_in_a_process()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=5)
    assert "2 added" in process.communicate(timeout=60)[0] and process.returncode == 0


def test_a_run_of_several_learning_rates_is_one_run_for_each(store):
    """Their mean would say nothing; each has its own curve, its own scores and its rate as a number."""
    write_run("adding", "tanh")
    record = results.read_json(results.run_file("adding", "tanh"))
    record["members"] += [{**record["members"][0], "learning_rate": 0.1, "metrics": {"mean_squared_error": 7.0, "success": 0.0}}]
    results.write_json(results.run_file("adding", "tanh"), record)
    rows = [{"seed": 0, "learning_rate": rate, "step": 5, "loss": rate, "gradient_norm": 1.0} for rate in (0.01, 0.1)]
    results.write_csv(results.history_file("adding", "tanh"), rows)
    assert tracking.mirror(store) == {"added": 3}
    client, found = runs()
    assert set(found) == {"gru", "tanh_rate_0.01", "tanh_rate_0.1"}
    fast = found["tanh_rate_0.1"]
    assert fast.data.params["learning_rate"] == "0.1" and fast.data.params["seeds"] == "1" and fast.data.metrics["final/mean_squared_error"] == 7
    assert [point.value for point in client.get_metric_history(fast.info.run_id, "training/loss")] == [0.1]


def test_what_is_no_longer_a_run_goes_and_a_readers_own_stays(store):
    tracking.mirror(store)
    client, found = runs()
    client.create_run(found["gru"].info.experiment_id, run_name="my own")
    results.run_file("adding", "gru").unlink()
    assert tracking.mirror(store) == {"there": 1, "removed": 1}
    assert set(runs()[1]) == {"tanh", "my own"} and not Path(found["gru"].info.artifact_uri).exists()


def test_a_store_that_is_deleted_is_made_again_the_same(store, monkeypatch):
    tracking.mirror(store)
    keep = ("result_hash", "task", "cell", "layout")
    before = {name: ({key: run.data.tags[key] for key in keep}, run.data.params, run.data.metrics) for name, run in runs()[1].items()}
    again = f"sqlite:///{Path('again.db').absolute()}"  # another name, since MLflow keeps connections by address
    monkeypatch.setenv("MLFLOW_TRACKING_URI", again)
    assert tracking.mirror(store) == {"added": 2}
    assert {name: ({key: run.data.tags[key] for key in keep}, run.data.params, run.data.metrics) for name, run in runs()[1].items()} == before


def test_figures_are_shared_and_follow_what_they_show(store):
    """The task's own curves and scores, and the analyses' that bear on it: one copy on the disk, new ones when an analysis changes."""
    source = write_figure("activations")
    tracking.mirror(store)
    client, found = runs()
    shown = {name: {file.path for file in client.list_artifacts(run.info.run_id, "figures")} for name, run in found.items()}
    assert shown["tanh"] == shown["gru"] == {"figures/learning_curves.svg", "figures/final_scores.svg", "figures/activations_activations.svg"}
    copies = [Path(run.info.artifact_uri, "figures", "activations_activations.svg") for run in found.values()]
    assert all(copy.samefile(source) for copy in copies)
    write_figure("activations", "<svg xmlns='http://www.w3.org/2000/svg'><g/></svg>")
    assert tracking.mirror(store) == {"there": 2}
    assert all("<g/>" in copy.read_text(encoding="utf-8") for copy in copies)


def test_a_moved_checkout_keeps_its_artifacts(store, tmp_path, monkeypatch):
    tracking.mirror(store)
    assert b"mlruns/adding" in Path("mlflow.db").read_bytes() and str(tmp_path).encode() not in Path("mlflow.db").read_bytes()
    moved = tmp_path.parent / "elsewhere 别处"
    shutil.copytree(tmp_path, moved)
    shutil.rmtree(tmp_path / "mlruns")
    monkeypatch.chdir(moved)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{moved / 'mlflow.db'}")
    client, found = runs()
    run = found["tanh"].info.run_id
    assert {file.path for file in client.list_artifacts(run)} == {"figures", "history.csv", "result.json"}
    assert Path(client.download_artifacts(run, "figures/learning_curves.svg")).read_text(encoding="utf-8").startswith("<svg")
    assert tracking.mirror(store) == {"there": 2}


def test_every_task_has_a_note_of_runs_that_there_are(params):
    """In both languages, with the runs to compare, a score they are measured by, claims that there are, and figures of analyses there are."""
    chosen = settings.parse(params)
    assert set(notes.NOTES) == set(chosen.tasks)
    ids = {claim.id for claim in claims.load(ROOT / "claims.yaml")}
    for task, note in notes.NOTES.items():
        rates = {f"{name}_rate_{rate:g}" for name, run in chosen.tasks[task].runs.items() for rate in run.learning_rates if len(run.learning_rates) > 1}
        alone = {name for name, run in chosen.tasks[task].runs.items() if len(run.learning_rates) < 2}
        assert set(note.first) <= rates | alone and len(note.first) >= 2, task
        assert set(note.claims) <= ids and {pattern.split("/")[0] for pattern in note.pictures} <= set(chosen.analyses), task
        text = notes.text_of(task, note)
        assert note.text in text and note.text_zh in text and re.search("[\u4e00-\u9fff]", note.text_zh) and f"/unrolled/{task}/compare" in text
        assert sorted(re.findall(r"\d+", note.text)) == sorted(re.findall(r"\d+", note.text_zh)), task


@pytest.mark.parametrize(("score", "said"), [("mean_squared_error", "(lower is better)"), ("accuracy", "(higher is better)"), ("perplexity", "")])
def test_the_note_of_a_task_of_ones_own_says_which_way_is_better_if_it_is_known(score, said):
    text = notes.text_of("mine", notes.of("mine", ("a", "b"), score))
    assert f"Look at `final/{score}`{' ' if said else ''}{said}." in text and ("better" in text) == bool(said)
    assert ("越低越好" in text, "越高越好" in text) == ("lower" in said, "higher" in said)


def test_an_experiment_opens_on_its_runs_with_a_saved_view(store):
    tracking.mirror(store)
    experiment = runs()[0].get_experiment_by_name("unrolled/adding")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(experiment.tags[views.TAG])
    state = json.loads(view["state"])
    assert view["name"] == "What to compare" and state["selectedColumns"][0] == "metrics.`final/success`"
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == {section["uuid"] for section in state["compareRunSections"]}
    listed, = tracking.experiments(store)
    assert listed.task == "adding" and list(listed.first) == ["tanh", "gru"]
    places = server.addresses(listed)
    assert list(places) == ["/unrolled/adding", "/unrolled/adding/charts", "/unrolled/adding/compare"]
    assert all(identifier in places["/unrolled/adding/compare"] for identifier in listed.first.values())


def member(seed: int, stopped: int | None = None, diverged: dict | None = None) -> dict:
    return {"seed": seed, "learning_rate": 0.1, "stopped": stopped, "diverged": diverged, "validation": {"success": 1.0}, "metrics": {"success": float(seed)}}


def row(seed: int, step: int, loss: float, success: str = "") -> dict[str, str]:
    return {"seed": str(seed), "learning_rate": "0.1", "step": str(step), "loss": str(loss), "gradient_norm": "1", "success": success}


def test_a_solved_seed_counts_on_and_one_that_diverged_does_not():
    """Seed 0 solved its task at 10, seed 1 diverged after 10, seed 2 went on; seed 3 diverged before anything was recorded."""
    history = [row(0, 5, 4), row(0, 10, 1), row(1, 5, 8), row(1, 10, float("nan")), row(2, 5, 6), row(2, 10, 5), row(2, 15, 3, "0")]
    members = [member(0, stopped=10), member(1, diverged={"step": 10}), member(2), member(3, diverged={"step": 1})]
    points = {}
    for name, value, step in measures.curve_points(history, members):
        points.setdefault(name, {})[step] = value
    assert points["training/loss"] == {5: 6, 10: 3, 15: 2}
    assert points["training/loss_lowest_seed"] == {5: 4, 10: 1, 15: 1} and points["training/loss_highest_seed"] == {5: 8, 10: 5, 15: 3}
    assert points["training/loss_first_seed"] == {5: 4, 10: 1, 15: 1} and points["validation/success"] == {15: 0.5}
    carried = histories.carried_on(history, members)
    assert len(carried) == len(history) + 1 and carried[-1] == {**history[1], "step": "15"}


def test_scores_by_mean_spread_and_seed():
    found = {(point.name, point.step): point.value for point in measures.final_points([member(1), member(2), member(4)], "success")}
    assert found == {("final/success", 0): 2.333, ("spread/success", 0): 1.528, ("seed_by_seed/success", 1): 1, ("seed_by_seed/success", 2): 2,
                     ("seed_by_seed/success", 4): 4, ("final/diverged", 0): 0}


def test_long_curves_are_thinned_but_for_the_first_seed_alone():
    history = [row(seed, step, 1.0) for seed in (0, 1) for step in range(1, 1001)]
    points = measures.curve_points(history, [member(0), member(1)])
    steps = [point.step for point in points if point.name == "training/loss"]
    assert len(steps) <= measures.KEPT_STEPS + 1 and steps[-1] == 1000
    assert sum(point.name == "training/loss_first_seed" for point in points) == 1000
