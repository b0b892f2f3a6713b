"""The figures of a task, as files beside its experiment: drawn once, and
shared by the runs to look at first through hard links, so that none takes its place twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlflow.tracking import MlflowClient

from unrolled import results
from unrolled.reporting import figures
from unrolled.tracking.notes import Note
from unrolled.tracking.shown import Shown

FOLDER = "figures"
MARK = "figures.drawn_from"  # beside the folder: what lies within is shown


class Due(NamedTuple):
    """The figures of a task as they should be: of its analyses, a hash of all that is shown, and whether what lies there is of another."""

    place: Path
    shared: Sequence[Path]
    seen: str
    is_due: bool


def look(place: Path, note: Note, hashes: Mapping[str, str]) -> Due:
    """Find out whether anything that a task's figures show has changed.

    Args:
        place: the folder of the experiment's artifacts.
        note: says which runs and which score to look at, and whose figures bear on the task.
        hashes: of the results of each run.
    """
    pictures = {path: results.file_hash(path) for pattern in note.pictures for path in sorted(results.analysis_folder("").glob(pattern))
                if path.suffix == ".svg"}
    seen = results.bytes_hash(repr((dict(hashes), note.first, note.score, {str(path): found for path, found in pictures.items()})).encode())
    mark = place / MARK
    return Due(place, tuple(pictures), seen, not (mark.exists() and mark.read_text(encoding="utf-8") == seen))


def to_draw(task: str, note: Note, shown: Sequence[Shown]) -> tuple[str, dict[str, Any], dict[str, Any], str | None]:
    """Return what `figures.of_task` is to be given: the runs to look at first where there are many, and the score where all have it."""
    some = [run for run in shown if run.name in note.first] if len(shown) > figures.MOST_TOGETHER else shown
    records = {run.name: {**run.record, "members": run.members} for run in some or shown[: figures.MOST_TOGETHER]}
    everything = {run.run: run.record for run in shown}
    has_score = all(note.score in member["metrics"] for record in everything.values() for member in record["members"])
    return task, records, everything, note.score if has_score else None


def put(due: Due, drawn: Mapping[str, str]) -> None:
    """Put a task's figures in place, and link those of the analyses beside them."""
    with results.replaced_folder(due.place / FOLDER) as folder:
        for name, svg in drawn.items():
            results.write_text(folder / f"{name}.svg", svg)
        for path in due.shared:
            share(path, folder / f"{path.parent.name}_{path.name}")
    results.write_text(due.place / MARK, due.seen)


def share(source: Path, target: Path) -> None:
    """Let a file stand at a second place without a second copy of its content, where the disk can do that."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def fill(folder: Path, files: Mapping[str, Path]) -> None:
    """Make a run's artifacts of its results; MLflow needs a folder for each run, and refuses links that lead out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        share(path, folder / name)


def show(folder: Path, place: Path) -> None:
    """Let the figures of a task, whose folder is `place`, stand among the artifacts of a run, if they do not yet or were drawn again."""
    mark = folder.parent / MARK
    seen = (place / MARK).read_text(encoding="utf-8")
    if mark.exists() and mark.read_text(encoding="utf-8") == seen:
        return
    with results.replaced_folder(folder / FOLDER) as fresh:
        for path in sorted((place / FOLDER).iterdir()):
            share(path, fresh / path.name)
    results.write_text(mark, seen)


def send(client: MlflowClient, run: Any, place: Path) -> None:
    """Do the same for a run behind a server: send the figures there, if they were not yet or have been drawn again."""
    seen = (place / MARK).read_text(encoding="utf-8")
    if run.data.tags.get(MARK) != seen:
        client.log_artifacts(run.info.run_id, str(place / FOLDER), FOLDER)
        client.set_tag(run.info.run_id, MARK, seen)
