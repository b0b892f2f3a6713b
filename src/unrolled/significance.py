"""The tests behind the verdicts: permutation of seeds, exact tests of counts, and a bootstrap of test items with Student's t over seeds.

Every test returns p for the claim (of the data, were the effect not beyond its margin) and p against it (were the effect not on
the other side), and a 95 % interval of the effect.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize, stats

RESAMPLES = 9999  # permutations, or draws of pairs
DRAWS = 4000  # of test items and members
LEVEL = 0.05
ROUNDING = 1e-12  # values that differ by less of their size are the same


class Test(NamedTuple):
    """Result of one test.

    Attributes:
        effect: in the claim's direction.
        interval: 95 % of the effect.
        p_for: of an effect not beyond the margin. p_against: of an effect not on the other side of zero.
    """

    effect: float
    interval: tuple[float, float]
    p_for: float
    p_against: float


def _generator() -> np.random.Generator:
    """The same numbers for every test, so that a verdict is a function of its data."""
    return np.random.default_rng(0)


def _studentised(first: np.ndarray, second: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the difference of two means in its standard errors (Welch 1947); a very large number where neither sample varies."""
    squares = sum(np.var(sample, axis=axis, ddof=1) / sample.shape[axis] for sample in (first, second))
    return (np.mean(first, axis=axis) - np.mean(second, axis=axis)) / np.sqrt(np.maximum(squares, 1e-24))


def compare(first: Sequence[float], second: Sequence[float], margin: float) -> Test:
    """Test whether the first mean exceeds the second by more than the margin (permutation of seeds; Welch's interval).

    Args:
        first, second: one value per seed, two at least.
        margin: of the difference; the first sample is shifted by it, so that the means are the same at the margin.

    Notes:
        What is permuted is the difference in its standard errors. The plain difference would find something too often where the smaller
        sample varies more (Janssen 1997).
    """
    first, second = np.asarray(first, float), np.asarray(second, float)

    def p(shift: float, alternative: str) -> float:
        found = stats.permutation_test((first - shift, second), _studentised, vectorized=True, n_resamples=RESAMPLES,
                                       alternative=alternative, rng=_generator())
        return float(found.pvalue)

    return Test(float(first.mean() - second.mean()), _t_interval(first, second), p(margin, "greater"), p(0.0, "less"))


def _t_interval(first: np.ndarray, second: np.ndarray | None = None) -> tuple[float, float]:
    """Return the 95 % interval of a mean, or of the difference of two (Welch 1947)."""
    samples = [first] if second is None else [first, second]
    if all(np.ptp(sample) <= ROUNDING * np.abs(sample).max() for sample in samples):
        effect = float(first.mean() - (0.0 if second is None else second.mean()))
        return effect, effect
    test = stats.ttest_1samp(first, 0.0) if second is None else stats.ttest_ind(first, second, equal_var=False)
    low, high = test.confidence_interval(1 - LEVEL)
    return float(low), float(high)


def compare_counts(first: int, first_of: int, second: int, second_of: int, margin: float) -> Test:
    """Test whether the first success rate exceeds the second by more than the margin.

    Notes:
        p for it is the level at which Newcombe's interval just reaches the margin, or that of Boschloo's exact test of no difference
        if larger; p against it is Boschloo's.
    """
    counts = first, first_of, second, second_of
    table = [[first, second], [first_of - first, second_of - second]]
    effect = first / first_of - second / second_of
    greater, less = (float(stats.boschloo_exact(table, alternative=side).pvalue) for side in ("greater", "less"))
    return Test(effect, newcombe(*counts), max(greater, _beyond(counts, margin)), less)


def _beyond(counts: tuple[int, int, int, int], margin: float) -> float:
    """Return the one-sided p of a difference of two rates not beyond the margin, by Newcombe's interval of any level."""

    def distance(p: float) -> float:
        return newcombe(*counts, level=1 - 2 * p)[0] - margin

    least, most = 1e-12, 0.5 - 1e-12
    if distance(most) <= 0:
        return 1.0
    return least if distance(least) > 0 else float(optimize.brentq(distance, least, most))


def newcombe(first: int, first_of: int, second: int, second_of: int, level: float = 1 - LEVEL) -> tuple[float, float]:
    """Return the interval of a difference of two rates, 95 % or another, from their Wilson intervals (Newcombe 1998, method 10)."""
    (low_1, high_1), (low_2, high_2) = (stats.binomtest(k, n).proportion_ci(level, method="wilson")
                                        for k, n in ((first, first_of), (second, second_of)))
    rate_1, rate_2 = first / first_of, second / second_of
    effect = rate_1 - rate_2
    return (effect - math.hypot(rate_1 - low_1, high_2 - rate_2), effect + math.hypot(high_1 - rate_1, rate_2 - low_2))


def compare_pairs(first: Sequence[float], second: Sequence[float], margin: float) -> Test:
    """Test whether something happens to the first of each pair more often by more than the margin.

    Notes:
        p for it is the share of bootstrap samples of pairs in which it does not, or that of McNemar's exact test of no difference if
        larger; p against it is McNemar's.
    """
    apart = np.asarray(first, float) - np.asarray(second, float)
    only_first, only_second = int((apart > 0).sum()), int((apart < 0).sum())
    greater, less = (float(stats.binomtest(only_first, only_first + only_second, alternative=side).pvalue)
                     if only_first + only_second else 1.0 for side in ("greater", "less"))
    drawn = _generator().choice(apart, (RESAMPLES, len(apart))).mean(1)
    beyond = (1 + int((drawn <= margin).sum())) / (RESAMPLES + 1)
    low, high = np.quantile(drawn, [LEVEL / 2, 1 - LEVEL / 2])
    return Test(float(apart.mean()), (float(low), float(high)), max(greater, beyond), less)


def rate_against_limit(values: Sequence[float], limit: float) -> Test:
    """Test whether a rate of success lies above a limit (exact binomial test; Clopper and Pearson's interval)."""
    count, size = int(np.sum(values)), len(values)
    low, high = stats.binomtest(count, size).proportion_ci(method="exact")
    greater, less = (stats.binomtest(count, size, limit, alternative=side).pvalue for side in ("greater", "less"))
    return Test(count / size - limit, (low - limit, high - limit), float(greater), float(less))


def mean_against_limit(values: Sequence[float], limit: float) -> Test:
    """Test whether a mean lies above a limit, by flipping the signs of the distances from it."""
    values = np.asarray(values, float)

    def p(alternative: str) -> float:
        return float(stats.permutation_test((values - limit,), np.mean, permutation_type="samples", vectorized=True,
                                            n_resamples=RESAMPLES, alternative=alternative, rng=_generator()).pvalue)

    low, high = _t_interval(values)
    return Test(float(values.mean() - limit), (low - limit, high - limit), p("greater"), p("less"))


def items_against_limit(items: np.ndarray, limit: float, resamples: int = DRAWS) -> Test:
    """Test whether a mean lies above a limit, over members and over test items, the same items for all members; see `_compare_resampled`.

    Args:
        items: (members, items) scores, as whether each item was answered exactly.
        limit: what the mean is held against.
    """
    return _compare_resampled(_mean_of(items), lambda weights, generator: limit, items.shape[1], 0.0, resamples)


def equivalent(first: Any, second: Any, margin: float, by: Callable[[Any, Any, float], Test] = compare) -> Test:
    """Two one-sided tests: p_for of a difference that reaches the margin, p_against of one that does not exceed it.

    Args:
        first, second: what `by`, one of the tests of a difference, takes.
    """
    above, below = by(first, second, margin), by(second, first, margin)
    inside = max(by(first, second, -margin).p_for, by(second, first, -margin).p_for)
    return Test(above.effect, above.interval, inside, min(1.0, 2 * min(above.p_for, below.p_for)))


def compare_chunks(first: dict[str, np.ndarray], second: dict[str, np.ndarray], margin: float, resamples: int = DRAWS) -> Test:
    """Test a difference of chunk F1 over members and, the same for both, over test sentences; see `_compare_resampled`.

    Args:
        first, second: "correct", "predicted" and "gold" chunks, (members, sentences) each.
    """
    return _compare_resampled(*(functools.partial(_mean_f1, counts) for counts in (first, second)), first["gold"].shape[1], margin,
                              resamples)


def chunks_against_limit(counts: dict[str, np.ndarray], limit: float, resamples: int = DRAWS) -> Test:
    """Test whether chunk F1 lies above a limit, over members and test sentences; see `_compare_resampled`."""
    size = counts["gold"].shape[1]
    return _compare_resampled(functools.partial(_mean_f1, counts), lambda weights, generator: limit, size, 0.0, resamples)


def compare_items(first: np.ndarray, second: np.ndarray, margin: float, resamples: int = DRAWS) -> Test:
    """Test a difference of two means over members and, the same for both, over test items; see `_compare_resampled`.

    Args:
        first, second: (members, items) scores of the same items.
    """
    return _compare_resampled(_mean_of(first), _mean_of(second), first.shape[1], margin, resamples)


Score = Callable[[np.ndarray, np.random.Generator | None], float]  # of weighted items, and of other members if there is a generator


def _compare_resampled(first: Score, second: Score, size: int, margin: float, resamples: int) -> Test:
    """Compare two scores over members and, the same for both, over `size` items.

    Other items are drawn with replacement (bootstrap). What other members would score is drawn from Student's t around the mean of those
    there are: three of them, drawn with replacement, never leave their own range, and would decide too much. Test items count however many
    members there are, since what is claimed is not claimed of these sentences alone.
    """
    generator, draws = _generator(), np.empty(resamples)
    for place in range(resamples):
        weights = generator.multinomial(size, np.full(size, 1 / size))
        draws[place] = first(weights, generator) - second(weights, generator)
    effect = first(np.ones(size, int), None) - second(np.ones(size, int), None)
    low, high = np.quantile(draws, [LEVEL / 2, 1 - LEVEL / 2])
    p_for, p_against = ((1 + hits) / (resamples + 1) for hits in ((draws <= margin).sum(), (draws >= 0).sum()))
    return Test(float(effect), (float(low), float(high)), float(p_for), float(p_against))


def _mean_of(items: np.ndarray) -> Score:
    """Return what gives the mean score of weighted items (members, items), of members like these if it is given a generator."""
    ends = float(items.min()), float(items.max())
    return lambda weights, generator: _mean_member(items @ (weights / weights.sum()), generator, ends)


def _mean_f1(counts: dict[str, np.ndarray], weights: np.ndarray, generator: np.random.Generator | None) -> float:
    """Return F1 over weighted sentences, its mean over members, or over members like these if there is a generator."""
    correct, predicted, gold = (counts[name] @ weights for name in ("correct", "predicted", "gold"))
    return _mean_member(2 * correct / np.maximum(predicted + gold, 1), generator, (0.0, 1.0))


def _mean_member(scores: np.ndarray, generator: np.random.Generator | None, ends: tuple[float, float]) -> float:
    """Return the mean score of members; if there is a generator, the mean that as many others might have, not beyond what can be had."""
    mean, members = float(scores.mean()), len(scores)
    if generator is None or members == 1:
        return mean
    other = mean + float(scores.std(ddof=1)) / math.sqrt(members) * float(generator.standard_t(members - 1))
    return min(max(other, ends[0]), ends[1])


def holm(values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p values, in the order given."""
    adjusted, running = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        running = max(running, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = running
    return adjusted
