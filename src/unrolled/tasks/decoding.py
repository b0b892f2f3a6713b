"""The likeliest answer of a CTC network over all alignments, by a search over prefixes."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class _Mass(NamedTuple):
    """Log-probability of all paths so far that collapse to a prefix: those whose last step is null, and the others."""

    null: float
    symbol: float

    @property
    def total(self) -> float:
        return _add(*self)


NOTHING = _Mass(-math.inf, -math.inf)


def prefix_beam(log_probabilities: np.ndarray, null: int, width: int = 8, least: float = -math.inf) -> tuple[list[int], float]:
    """Find the likeliest answer over all of its alignments (Graves 2012, section 7.5.3; Hannun et al. 2014).

    Args:
        log_probabilities: (time, classes) of one sequence.
        null: the class that stands for nothing.
        width: number of prefixes kept from step to step; with all of them the search is exact.
        least: log-probability below which a symbol lengthens no prefix, which saves most of the time.

    Returns:
        Symbols, and the log-probability of the alignments that were followed.
    """
    beam = {(): _Mass(0.0, -math.inf)}
    for scores in log_probabilities.tolist():
        likely = [symbol for symbol, score in enumerate(scores) if symbol != null and score >= least]
        grown: dict[tuple[int, ...], _Mass] = {}
        for prefix, mass in beam.items():
            _grow(grown, prefix, mass, scores, null, likely)
        kept = heapq.nlargest(width, ((mass.total, prefix) for prefix, mass in grown.items()))
        beam = {prefix: grown[prefix] for _, prefix in kept}
    best = max(beam, key=lambda prefix: beam[prefix].total)
    return list(best), beam[best].total


def _grow(grown: dict[tuple[int, ...], _Mass], prefix: tuple[int, ...], mass: _Mass, scores: Sequence[float], null: int,
          likely: Sequence[int]) -> None:
    """Add what one prefix becomes in one step: itself by null or by its last symbol again, or one symbol longer."""
    total = mass.total
    old = grown.get(prefix, NOTHING)
    again = mass.symbol + scores[prefix[-1]] if prefix else -math.inf
    grown[prefix] = _Mass(_add(old.null, total + scores[null]), _add(old.symbol, again))
    for symbol in likely:
        before = mass.null if prefix and prefix[-1] == symbol else total  # a symbol doubles only across a null
        longer = (*prefix, symbol)
        old = grown.get(longer, NOTHING)
        grown[longer] = _Mass(old.null, _add(old.symbol, before + scores[symbol]))


def _add(first: float, second: float) -> float:
    """Return log(exp(first) + exp(second))."""
    high, low = (first, second) if first > second else (second, first)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
