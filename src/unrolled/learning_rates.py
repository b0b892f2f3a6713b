"""Which learning rate the scores of tuning speak for, and whether a better one may lie beyond those that were tried."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from unrolled.settings import TuningSettings

ALPHA = 0.05


def next_rate(found: Mapping[str, Any], tuning: TuningSettings) -> float | None:
    """Return the rate to be tried next: that beyond the end which leads, or None where none does or no further rate is left there."""
    end = leading_end(found, tuning.seeds)
    if end is None:
        return None
    if end == max(map(float, found["scores"])):
        return min((rate for rate in tuning.further_rates if rate > end), default=None)
    return max((rate for rate in tuning.further_rates if rate < end), default=None)


def leading_end(found: Mapping[str, Any], seeds: int | None = None) -> float | None:
    """Return the lowest or the highest rate that was tried if it is the best, and better in the mean than its neighbour.

    An end that is only as good as its neighbour points nowhere, as where a run solves its task, or fails, at every rate.

    Args:
        found: a run's scores and whether more is better.
        seeds: how many of each rate's scores count; all where it is None (finalists have more than the others).
    """
    scores = {float(rate): values[:seeds] for rate, values in found["scores"].items()}
    rates = sorted(scores)
    best = ranked(scores, found["higher_is_better"])[0]
    if len(rates) < 2 or best not in (rates[0], rates[-1]):
        return None
    neighbour = rates[1] if best == rates[0] else rates[-2]
    means = {rate: statistics.fmean(_turned(scores[rate], found["higher_is_better"])) for rate in (best, neighbour)}
    return best if means[best] > means[neighbour] else None


def _turned(values: Sequence[float | None], higher_is_better: bool) -> list[float]:
    """Return scores so that more is better; a diverged seed (None) is infinitely bad."""
    sign = 1 if higher_is_better else -1
    return [float("-inf") if value is None else sign * value for value in values]


def chosen_rate(found: Mapping[str, Any], lower_of_alike: bool = False) -> float:
    """Return the best rate in the mean, of two that met again over all their seeds.

    Args:
        found: a run's scores and whether more is better.
        lower_of_alike: of two that met again and that their seeds cannot tell apart take the lower, which is further from the edge.
    """
    scores = found["scores"]
    most = max(map(len, scores.values()))
    best, *others = ranked({rate: values for rate, values in scores.items() if len(values) == most}, found["higher_is_better"])
    met_again = most > min(map(len, scores.values()))
    if lower_of_alike and met_again and others[0] < best and not _told_apart(scores[best], scores[others[0]]):
        return others[0]
    return best


def _told_apart(some: Sequence[float | None], others: Sequence[float | None]) -> bool:
    """Tell whether the scores of the same seeds differ in the mean (paired t-test); a seed that diverged tells them apart."""
    from scipy import stats  # here: half a second's import that training does not need

    if None in some or None in others:
        return True
    return bool(stats.ttest_rel(some, others).pvalue < ALPHA)


def ranked(scores: Mapping[float, Sequence[float | None]], higher_is_better: bool) -> list[float]:
    """Return the rates, that of the best mean score over seeds first; a tie goes to the better median, then to the lower rate.

    The mean, since the median of three hides the one seed that fails, and a rate at which one seed in three fails is no good rate.
    """
    def rank(rate: float) -> tuple[float, float, float]:
        values = _turned(scores[rate], higher_is_better)
        return statistics.fmean(values), statistics.median(values), -rate

    return sorted(scores, key=rank, reverse=True)
