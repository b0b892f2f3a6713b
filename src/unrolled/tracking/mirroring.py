"""From results to MLflow's experiments and runs."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlflow.entities import Param, RunStatus
from mlflow.tracking import MlflowClient

from unrolled import guard, results, worker_processes
from unrolled.reporting import figures
from unrolled.settings import Settings
from unrolled.tracking import notes, pictures, views
from unrolled.tracking.measures import curve_points, final_points
from unrolled.tracking.shown import Shown, shown_runs
from unrolled.tracking.store import ARTIFACTS, PREFIX, drop_points, held, is_local, keep_relative, log, runs_by_name

LAYOUT = "3"  # raised when runs are written in another way, so that `make track` writes all of them again


def mirror(settings: Settings) -> dict[str, int]:
    """Mirror every finished run; return how many were added, replaced, removed and already there.

    Raises:
        TrackingError: the store is locked, damaged or of another version.
        ResultsError: a result cannot be read.
    """
    counts: Counter[str] = Counter()
    commit = _commit()
    with held() as client:
        hashes = {task.name: {run: result_hash(task.name, run) for run in task.runs if results.run_file(task.name, run).exists()}
                  for task in settings.tasks.values()}
        mirrored = [_mirrored(task, found) for task, found in hashes.items() if found]
        due = [found for found in mirrored if found.due.is_due]
        drawn = worker_processes.spread("track", figures.of_task, [pictures.to_draw(found.task, found.note, found.shown) for found in due],
                                        guard.share_of_workers(settings.workers))  # while this process writes to the store
        for found, texts in zip(due, drawn, strict=True):
            pictures.put(found.due, texts)
            counts.update(_mirror_task(client, found, commit))
        for found in mirrored:
            if not found.due.is_due:
                counts.update(_mirror_task(client, found, commit))
    return dict(counts)


class Mirrored(NamedTuple):
    """A task, a hash of the results of each of its runs, those that are to be shown, the first in front, its note and its figures."""

    task: str
    hashes: Mapping[str, str]
    shown: Sequence[Shown]
    note: notes.Note
    due: pictures.Due


def _mirrored(task: str, hashes: Mapping[str, str]) -> Mirrored:
    shown = list(shown_runs(task, hashes))
    note = notes.of(task, tuple(run.name for run in shown), next(iter(shown[0].members[0]["metrics"])))
    shown.sort(key=lambda run: note.first.index(run.name) if run.name in note.first else len(note.first))
    place = (ARTIFACTS if is_local() else results.RUNS / "figures") / task
    return Mirrored(task, hashes, shown, note, pictures.look(place, note, hashes))


def result_hash(task: str, run: str) -> str:
    """Return a hash of a run's results; the seconds it took are in none of these files."""
    paths = (results.run_file(task, run), results.history_file(task, run), results.items_file(task, run))
    return results.bytes_hash("".join(results.file_hash(path) for path in paths).encode())


def _mirror_task(client: MlflowClient, found: Mirrored, commit: str) -> Iterator[str]:
    """Mirror one task, whose figures are in place, and yield for each of its runs what became of it."""
    task, note, place = found.task, found.note, found.due.place
    experiment = experiment_of(client, task)
    _describe(client, experiment, task, note)
    present = runs_by_name(client, experiment.experiment_id)
    seconds = results.read_json(results.seconds_file(task)) if results.seconds_file(task).exists() else {}
    for rank, run in enumerate(found.shown):
        tags = {"task": task, "cell": run.record["settings"]["cell"], "result_hash": found.hashes[run.run], "layout": LAYOUT,
                "device": run.record["device"], "git_commit": commit, "mlflow.note.content": _note_of_run(run, note.score)}
        old = present.pop(run.name, [])
        kept = _kept(client, old, tags)
        stays = kept or _write(client, experiment, run, tags, note.score, rank, seconds.get(run.run, 0.0))
        if run.name in note.first or rank == 0:
            pictures.show(Path(stays.info.artifact_uri), place) if is_local() else pictures.send(client, stays, place)
        yield "there" if kept else "replaced" if old else "added"
    for gone in (run for runs in present.values() for run in runs if "result_hash" in run.data.tags):
        _forget(client, gone)
        yield "removed"


def experiment_of(client: MlflowClient, task: str) -> Any:
    """Return a task's experiment, made or brought back if need be."""
    found = client.get_experiment_by_name(PREFIX + task)
    if found is None:
        found = client.get_experiment(client.create_experiment(PREFIX + task, tags=views.KIND))
    elif found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    if is_local():
        keep_relative(task, found.experiment_id)
    return found


def _describe(client: MlflowClient, experiment: Any, task: str, note: notes.Note) -> None:
    """Write the note, the kind and the saved view of an experiment, where they are not as they should be."""
    wanted = {"mlflow.note.content": notes.text_of(task, note), views.TAG: views.saved(task, note, experiment.creation_time), **views.KIND,
              "first_runs": json.dumps(note.first), "what_to_compare": note.text}
    for key, value in wanted.items():
        if experiment.tags.get(key) != value:
            client.set_experiment_tag(experiment.experiment_id, key, value)


def _kept(client: MlflowClient, old: Sequence[Any], tags: Mapping[str, str]) -> Any:
    """Delete what is not whole, or of other results; return the run that stays, or None."""
    whole = [run for run in old if run.info.status == "FINISHED" and (not is_local() or Path(run.info.artifact_uri).exists())
             and all(run.data.tags.get(key) == tags[key] for key in ("result_hash", "layout"))]
    for run in old:
        if run not in whole[:1]:
            _forget(client, run)
    return whole[0] if whole else None


def _forget(client: MlflowClient, run: Any) -> None:
    client.delete_run(run.info.run_id)
    if is_local():
        shutil.rmtree(Path(run.info.artifact_uri).parent, ignore_errors=True)
        drop_points(run.info.run_id)


def _write(client: MlflowClient, experiment: Any, run: Shown, tags: Mapping[str, str], score: str, rank: int,
           seconds: float) -> Any:
    """Write one run and return it.

    MLflow's table shows the newest first: a run to look at gets a later start than the others. Its duration is that of the training.
    """
    task, settings = tags["task"], run.record["settings"]
    start = experiment.creation_time - 1000 * rank
    made = client.create_run(experiment.experiment_id, start_time=start, run_name=run.name, tags=dict(tags))
    history = [row for row in results.read_csv(results.history_file(task, run.run)) if float(row["learning_rate"]) == run.rate]
    values = {**{key: value for key, value in settings.items() if key != "learning_rates"}, "task": task, "learning_rate": f"{run.rate:g}",
              "parameters": run.record["parameters"], "seeds": len(run.members)}
    points = [*final_points(run.members, score), *curve_points(history, run.members)]
    log(client, made.info.run_id, points, int(time.time() * 1000), params=[Param(key, str(value)) for key, value in values.items()])
    files = {"result.json": results.run_file(task, run.run), "history.csv": results.history_file(task, run.run)}
    if is_local():
        pictures.fill(Path(made.info.artifact_uri), files)
    else:
        for name, path in files.items():
            client.log_text(made.info.run_id, path.read_text(encoding="utf-8"), name)
    share = len(run.members) / len(run.record["members"])
    client.set_terminated(made.info.run_id, RunStatus.to_string(RunStatus.FINISHED), end_time=start + int(1000 * seconds * share))
    return made


def _note_of_run(run: Shown, score: str) -> str:
    """Return a run's description, English and Chinese."""
    return (f"`{run.run}` at learning rate {run.rate:g}, {len(run.members)} seeds. `final/{score}` is the mean of the test scores, "
            f"`spread/{score}` their standard deviation, `seed_by_seed/{score}` one by one. "
            "The figures of the task are among the **Artifacts** of the first run of the table.\n\n"
            f"`{run.run}`，学习率 {run.rate:g}，{len(run.members)} 个种子。`final/…` 为测试均值，`spread/…` 为标准差，"
            "`seed_by_seed/…` 逐个种子；本任务的图在表中第一个运行的 **Artifacts** 下。")


def _commit() -> str:
    """Return the commit that is checked out, or "none"."""
    with contextlib.suppress(OSError):
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        return done.stdout.strip() or "none"
    return "none"


class Experiment(NamedTuple):
    """An experiment of ours: the task, MLflow's id, what to compare, and the runs to look at first with their ids."""

    task: str
    identifier: str
    compare: str
    first: Mapping[str, str]


def experiments(settings: Settings) -> list[Experiment]:
    """Return our experiments in the order of params.yaml."""
    found = []
    with held() as client:
        by_name = {experiment.name: experiment for experiment in client.search_experiments()}
        for task in settings.tasks:
            if experiment := by_name.get(PREFIX + task):
                runs = runs_by_name(client, experiment.experiment_id)
                first = [name for name in json.loads(experiment.tags.get("first_runs", "[]")) if name in runs]
                found.append(Experiment(task, experiment.experiment_id, experiment.tags.get("what_to_compare", ""),
                                        {name: runs[name][0].info.run_id for name in first}))
    return found
