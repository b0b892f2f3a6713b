"""The figures of a task, as files beside its experiment: drawn once, and reached by every run through a link, so that none is copied."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from unrolled import results
from unrolled.reporting import figures
from unrolled.tracking.notes import Note

FOLDER = "figures"
MARK = ".drawn_from"


def refresh(place: Path, task: str, note: Note, wanted: Mapping[str, str]) -> None:
    """Draw a task's curves and scores again and link the analyses' figures, if anything they show has changed.

    Args:
        place: the folder of the experiment's artifacts.
        task: its name.
        note: says which score, and whose figures.
        wanted: the hash of the results of each run.
    """
    pictures = {path: results.file_hash(path) for pattern in note.pictures for path in sorted(results.analysis_folder("").glob(pattern))
                if path.suffix == ".svg"}
    seen = results.bytes_hash(repr((sorted(wanted.items()), note.score, sorted((str(path), mark) for path, mark in pictures.items()))).encode())
    mark = place / FOLDER / MARK
    if mark.exists() and mark.read_text(encoding="utf-8") == seen:
        return
    with results.replaced_folder(place / FOLDER) as folder:
        for name, svg in drawn(task, note.score, tuple(wanted)).items():
            results.write_text(folder / f"{name}.svg", svg)
        for path in pictures:
            share(path, folder / f"{path.parent.name}_{path.name}")
        results.write_text(folder / MARK, seen)


def drawn(task: str, score: str, runs: tuple[str, ...]) -> dict[str, str]:
    """Return the learning curves and the final scores of a task, the figures of its report page, as SVG texts."""
    records = {run: results.read_result(results.run_file(task, run)) for run in runs}
    histories = {run: results.read_csv(results.history_file(task, run)) for run in runs}
    chance = next((record["chance"].get(score) for record in records.values()), None)
    found = {"learning_curves": figures.learning_curves(task, records, histories)}
    if all(score in member["metrics"] for record in records.values() for member in record["members"]):
        found["final_scores"] = figures.final_scores(task, records, score, chance)
    return found


def share(source: Path, target: Path) -> None:
    """Let a file stand at a second place without a second copy of its content, where the disk can do that."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def fill(folder: Path, figures_of_task: Path, files: tuple[Path, ...]) -> None:
    """Make a run's artifacts: its results, and a link to the figures of its task, relative so that a moved checkout keeps it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        share(path, folder / path.name)
    if not (folder / FOLDER).exists():
        try:
            os.symlink(os.path.relpath(figures_of_task, folder), folder / FOLDER, target_is_directory=True)
        except OSError:  # a system without links
            shutil.copytree(figures_of_task, folder / FOLDER)
