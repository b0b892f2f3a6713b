"""How long each stage of the pipeline took, its start (Python and imports) apart from its work.

The records lie in .runs/, since they differ from run to run: they plan the next run, and `make bench` shows them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from unrolled import results

TOY_SECONDS = {"data": 10.0, "train": 5.0, "analyse": 8.0}  # what a stage at smoke scale lasts at most: little more than Python's start


def record_file(stage: str) -> Path:
    """Return the path of a stage's record; stages are named as in DVC, `train@adding`."""
    return results.RUNS / "stages" / f"{stage}.json"


@contextlib.contextmanager
def timed(stage: str, scale: str) -> Iterator[None]:
    """Keep how long a stage took that ends well; to be entered once the process has imported what it needs."""
    began, entered = psutil.Process().create_time(), time.time()
    yield
    ended = time.time()
    results.write_json(record_file(stage), {"stage": stage, "scale": scale, "start": round(max(entered - began, 0.0), 3),
                                            "work": round(ended - entered, 3), "ended": round(ended, 3)})


def record(stage: str) -> dict[str, Any] | None:
    """Return what is kept of a stage, None where there is nothing or it cannot be read."""
    try:
        found = results.read_json(record_file(stage))
    except results.ResultsError:
        return None
    return found if isinstance(found, dict) and found.keys() >= {"scale", "ended"} else None


def seconds(stage: str, scale: str) -> float | None:
    """Return how long a stage took the last time at this scale, with its start; else how long it took elsewhere, None if nobody knows."""
    found = record(stage)
    if found and found["scale"] == scale:
        return found["start"] + found["work"]
    try:
        elsewhere = results.read_json(results.stage_seconds_file()).get(stage)
    except results.ResultsError:
        return None
    if elsewhere is None or scale != "smoke":
        return elsewhere
    return min(elsewhere, TOY_SECONDS.get(stage.partition("@")[0], elsewhere))


def keep_whole_run(stages: list[str], scale: str, lanes: int, began: float, kept: int) -> None:
    """Keep when a run of all stages began and ended, and how many trained members it found."""
    results.write_json(results.RUNS / "stages" / "whole.json",
                       {"stages": stages, "scale": scale, "lanes": lanes, "began": began, "ended": time.time(), "kept": kept})


def write_reference() -> None:
    """Keep in reference/ how long each stage of the last whole run took, if it began from nothing."""
    whole = whole_run()
    if whole and not whole["kept"]:
        of_it = of_run(whole)
        path = results.stage_seconds_file()
        before = results.read_json(path) if path.exists() else {}  # of a stage that was done again since, as with its members at hand
        results.write_json(path, {stage: round(of_it[stage]["start"] + of_it[stage]["work"], 1) if stage in of_it else before[stage]
                                  for stage in whole["stages"] if stage in of_it or stage in before})


def whole_run() -> dict[str, Any] | None:
    """Return the record of the last run of all stages, None where there is none."""
    return record("whole")


def of_run(whole: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the records of those stages of a whole run that were not done again since, by stage."""
    found = {stage: record(stage) for stage in whole["stages"]}
    # Moments of stages are rounded to thousandths.
    return {stage: kept for stage, kept in found.items() if kept and whole["began"] <= kept["ended"] + 0.001 <= whole["ended"] + 0.002}


def ended_since(stages: list[str], moment: float) -> set[str]:
    """Return those stages that ended after a moment (seconds since 1970)."""
    return {stage for stage in stages if (found := record(stage)) and found["ended"] >= moment}
