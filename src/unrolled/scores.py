"""What the members of a run score by a metric, those that diverged included: they get the worst there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Where less is better, what a diverged member scores at least: six times chance, more bits than guessing evenly among all symbols, the
# error of the mean, every symbol wrong, ten characters missing.
LOWER_IS_BETTER = {"mean_squared_error": 1.0, "bits_per_character": 6.0, "normalised_error": 1.0, "symbol_error_rate": 1.0,
                   "length_error": 10.0, "reconstruction_loss": 1.0}
# Where more is better, and nothing scores below 0: metrics that begin with one of these words.
HIGHER_IS_BETTER = ("accuracy", "average_precision", "begun_right", "bleu", "character_f", "chunk_f1", "ended", "exact",
                    "mean_average_precision", "precision_at_1", "success", "token_accuracy")


def is_lower_better(metric: str) -> bool:
    """Tell whether less is better.

    Raises:
        ValueError: nobody has said of this metric which way is better.
    """
    if metric in LOWER_IS_BETTER or metric.startswith(("symbol_error", "error_")):
        return True
    if not metric.startswith(HIGHER_IS_BETTER):
        raise ValueError(f"it is not known whether more or less {metric!r} is better; name it in unrolled/scores.py.")
    return False


def worst(metric: str, finished: np.ndarray) -> float:
    """Return what a diverged member scores: no better than any that finished."""
    if is_lower_better(metric):
        return float(np.max(finished, initial=LOWER_IS_BETTER.get(metric, 1.0)))
    return float(np.min(finished, initial=0.0))


def of_members(members: Sequence[Mapping[str, Any]], metric: str) -> np.ndarray:
    """Return a metric of each member's record, in order; one that diverged or has none gets the worst."""
    values = [None if member["diverged"] else member["metrics"].get(metric) for member in members]
    least = worst(metric, np.array([value for value in values if value is not None], float))
    return np.array([least if value is None else value for value in values], float)
