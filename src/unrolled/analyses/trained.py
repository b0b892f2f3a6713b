"""What analyses read of trained runs: records, and one score per seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled import results


def record(reference: str) -> dict[str, Any]:
    """Return the record of a run named "section/run".

    Raises:
        ResultsError: it was not trained.
    """
    section, _, run = reference.partition("/")
    return results.read_result(results.run_file(section, run))


def scores(found: dict[str, Any], metric: str, worst: float = 0.0, rate: float | None = None) -> np.ndarray:
    """Return a metric of each member, in order; one that diverged or has none gets the worst.

    Args:
        found: the run's record.
        metric: its name.
        worst: what counts for a diverged member.
        rate: of the members looked at; None for all.
    """
    chosen = [member for member in found["members"] if rate is None or np.isclose(member["learning_rate"], rate)]
    return np.array([worst if member["diverged"] or member["metrics"].get(metric) is None else member["metrics"][metric]
                     for member in chosen], float)
