"""Learning rates that tuning found best at the end of those it tried: a better one may lie beyond."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unrolled import results
from unrolled.learning_rates import leading_end

RECORDS = (results.task_folder("x").parent, results.recorded_file("x", "x").parent.parent)  # each holds a folder per section
Scores = Mapping[str, Mapping[str, Any]]  # task -> run -> what its rate was chosen by


def is_at_an_end(record: Mapping[str, Any], scores: Scores) -> bool:
    """Tell whether a run's tuned rate is the lowest or the highest of those that were tried, and better than the next."""
    found = scores.get(record["task"], {}).get(record["run"])
    if not record["tuned"] or found is None:
        return False
    return record["tuned"]["learning_rate"] == leading_end(found)


def at_an_end(evidence: Iterable[str], scores: Scores) -> list[str]:
    """Return the runs among a claim's evidence whose rate is so, each with it.

    Args:
        evidence: paths that the verdict rests on.
        scores: those of `tuned.load_evidence`.
    """
    found = []
    for path in map(Path, evidence):
        is_record = path.suffix == ".json" and path.parent.parent in RECORDS
        record = results.read_result(path) if is_record and path.exists() else None
        if record and is_at_an_end(record, scores):
            found.append(f"{record['task']}/{record['run']} {record['tuned']['learning_rate']:g}")
    return found
