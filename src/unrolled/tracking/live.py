"""Trainings that are running, shown in MLflow while they run: `make follow`."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.entities import RunTag
from mlflow.tracking import MlflowClient

from unrolled import results
from unrolled.progress import live_folder
from unrolled.settings import Settings
from unrolled.tracking.measures import LEFT_OUT, Point, section
from unrolled.tracking.mirroring import experiment_of
from unrolled.tracking.store import PREFIX, held, log, runs_by_name

ENDING = " (training)"
SEPARATOR = "__"
Rows = Sequence[Mapping[str, str]]


def mirror_live(settings: Settings) -> int:
    """Mirror the histories of trainings that are running, as runs named "<run> (training)"; return how many.

    Raises:
        TrackingError: the store is locked, damaged or of another version.
    """
    with held() as client:
        growing = _growing(settings)
        for task in settings.tasks:
            if growing[task] or client.get_experiment_by_name(PREFIX + task):
                _show_task(client, task, growing[task])
    return sum(map(len, growing.values()))


def _growing(settings: Settings) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Return, by task and by run with its first seed, the rows that trainings have written so far, but for one that is being written."""
    found: dict[str, dict[str, list[dict[str, str]]]] = {task: defaultdict(list) for task in settings.tasks}
    for path in sorted(live_folder().glob("*.csv")):
        task, run, first = path.stem.split(SEPARATOR)
        with contextlib.suppress(results.ResultsError):
            if task in found:  # each job by itself: one may be far ahead of another of the same run
                rows = [row for row in results.read_csv(path) if None not in row.values()]
                found[task][f"{run} from {first.replace('_', ' at ')}"] += rows
    return found


def _show_task(client: MlflowClient, task: str, growing: Mapping[str, Rows]) -> None:
    """Show the trainings of one task, and take away those that have ended."""
    experiment = experiment_of(client, task).experiment_id
    present = runs_by_name(client, experiment)
    for name, runs in present.items():
        if name.endswith(ENDING) and name.removesuffix(ENDING) not in growing:
            for old in runs:
                client.delete_run(old.info.run_id)
    for run, rows in growing.items():
        _show(client, experiment, run + ENDING, rows, present.get(run + ENDING, ()))


def _show(client: MlflowClient, experiment: str, name: str, rows: Rows, present: Sequence[Any]) -> None:
    """Write the steps of a growing history that its live run does not have yet."""
    run = present[0] if present else None
    last = int(run.data.tags.get("last_step", "0")) if run else 0
    if run is None or max((int(row["step"]) for row in rows), default=last) < last:  # what was stopped before has begun anew
        for old in present:
            client.delete_run(old.info.run_id)
        run, last = client.create_run(experiment, run_name=name, tags={"live": "true"}), 0
    fresh = [row for row in rows if int(row["step"]) > last]
    if fresh:
        tags = [RunTag("last_step", str(max(int(row["step"]) for row in fresh)))]
        log(client, run.info.run_id, means(fresh), int(time.time() * 1000), tags=tags)


def means(rows: Rows) -> list[Point]:
    """Return the mean over members of every column, by step."""
    values: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in rows:
        for name, text in row.items():
            if name not in LEFT_OUT and text:
                values[name, int(row["step"])].append(float(text))
    return [Point(section(name), sum(group) / len(group), step) for (name, step), group in values.items()]
