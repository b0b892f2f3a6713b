"""The tests behind the verdicts: permutation of seeds, exact tests of counts, and a bootstrap of test items with Student's t over seeds.

Every test returns p for the claim (of the data, were the effect not beyond its margin) and p against it (were the effect not on
the other side), and a 95 % interval of the effect.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize, stats

RESAMPLES = 9999  # permutations, or draws of pairs
DRAWS = 4000  # of test items and members
TOGETHER = 500  # draws at once: of thousands of items all of them would take hundreds of MB
LEVEL = 0.05
ROUNDING = 1e-12  # values that differ by less of their size are the same


class Test(NamedTuple):
    """Result of one test.

    Attributes:
        effect: in the claim's direction.
        interval: 95 % of the effect.
        p_for: of an effect not beyond the margin. p_against: of an effect not on the other side of zero.
        p_within: of an effect that reaches the margin on one side or the other; 1 where that was not tested.
    """

    effect: float
    interval: tuple[float, float]
    p_for: float
    p_against: float
    p_within: float = 1.0


class Ratio(NamedTuple):
    """A score that is a sum over test items divided by another, as F1 is: twice the right chunks over those predicted and those there are.

    Attributes:
        part, whole: what is summed up, (members, items) each. most: no score lies above.
    """

    part: np.ndarray
    whole: np.ndarray
    most: float = 1.0


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
    with warnings.catch_warnings():  # of one sample that does not vary, beside one that does: its variance is 0 indeed
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        test = stats.ttest_1samp(first, 0.0) if second is None else stats.ttest_ind(first, second, equal_var=False)
    low, high = test.confidence_interval(1 - LEVEL)
    return float(low), float(high)


def compare_counts(first: int, first_of: int, second: int, second_of: int, margin: float) -> Test:
    """Test whether the first success rate exceeds the second by more than the margin.

    Notes:
        p for it is the level at which Newcombe's interval just reaches the margin, or that of Boschloo's exact test of no difference
        if larger (but where a margin below 0 allows for one); p against it is Boschloo's.
    """
    counts = first, first_of, second, second_of
    table = [[first, second], [first_of - first, second_of - second]]
    effect = first / first_of - second / second_of
    greater, less = (float(stats.boschloo_exact(table, alternative=side).pvalue) for side in ("greater", "less"))
    beyond = _beyond(counts, margin)
    return Test(effect, newcombe(*counts), beyond if margin < 0 else max(greater, beyond), less)


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


def rate_against_limit(values: Sequence[float], limit: float) -> Test:
    """Test whether a rate of success lies above a limit (exact binomial test; Clopper and Pearson's interval)."""
    return _count_against_limit(int(np.sum(values)), len(values), limit)


def _count_against_limit(count: int, size: int, limit: float) -> Test:
    """Test whether a rate lies above a limit, by its count."""
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

    Notes:
        Where all members answer every item alike, right or wrong, or as well as what they are held against, no draw differs from another.
        Items alone are counted then, each once: an exact binomial test says how rare other answers may be. Where nearly all are alike,
        draws hardly differ, and nothing is said with more certainty than if all had been.
    """
    first, size = float(items.flat[0]), items.shape[1]
    if (items == first).all():
        if first in (0.0, 1.0) and 0 <= limit <= 1:
            return _count_against_limit(int(first) * size, size, limit)
        if first == 0.0 > limit:  # differences, none of which is any
            most = float(stats.binomtest(0, size).proportion_ci(method="exact").high)
            return Test(-limit, (-most - limit, most - limit), (1 + limit) ** size, 1.0)
    return _no_surer(_compare_resampled(_mean_of(items), limit, items.shape[1], 0.0, resamples), items.shape[1], limit)


def _no_surer(test: Test, size: int, limit: float, most: float = 1.0) -> Test:
    """Return a test that is no surer than one of items that all had the best score there is, or for the other side 0, each counted once."""
    if not 0 < limit < most < math.inf:
        return test
    best, least = (_count_against_limit(count, size, limit / most) for count in (size, 0))
    ends = min(test.interval[0], most * best.interval[0]), max(test.interval[1], most * least.interval[1])
    return test._replace(interval=ends, p_for=max(test.p_for, best.p_for), p_against=max(test.p_against, least.p_against))


def equivalent(first: Any, second: Any, margin: float, by: Callable[[Any, Any, float], Test] = compare) -> Test:
    """Two one-sided tests: p_for of a difference that reaches the margin, p_against of one that does not exceed it.

    Args:
        first, second: what `by`, one of the tests of a difference, takes.
    """
    above, below = by(first, second, margin), by(second, first, margin)
    return Test(above.effect, above.interval, within(first, second, margin, by), min(1.0, 2 * min(above.p_for, below.p_for)))


def within(first: Any, second: Any, margin: float, by: Callable[[Any, Any, float], Test]) -> float:
    """Return p of a difference that reaches the margin on one side or the other (two one-sided tests; Schuirmann 1987).

    Args:
        first, second: what `by`, one of the tests of a difference, takes.
        margin: 0 leaves nothing within it, and p is 1.
    """
    return max(by(first, second, -margin).p_for, by(second, first, -margin).p_for) if margin > 0 else 1.0


def no_worse(better: Any, other: Any, margin: float, by: Callable[[Any, Any, float], Test]) -> Test:
    """Test whether the first falls short of the other by less than the margin; p against it is of a shortfall not beyond the margin.

    Args:
        better, other: what `by`, one of the tests of a difference, takes.
    """
    above = by(better, other, -margin)
    return Test(above.effect, above.interval, above.p_for, by(other, better, margin).p_for)


def compare_ratios(first: Ratio, second: Ratio, margin: float, resamples: int = DRAWS) -> Test:
    """Test a difference of two ratios over members and, the same for both, over test items; see `_compare_resampled`.

    Args:
        first, second: of the same items.
    """
    return _compare_resampled(_ratio_of(first), _ratio_of(second), first.whole.shape[1], margin, resamples)


def ratio_against_limit(ratio: Ratio, limit: float, resamples: int = DRAWS) -> Test:
    """Test whether a ratio lies above a limit, over members and test items; see `items_against_limit`."""
    found = _compare_resampled(_ratio_of(ratio), limit, ratio.whole.shape[1], 0.0, resamples)
    return _no_surer(found, int((ratio.whole > 0).any(0).sum()), limit, ratio.most)


def compare_items(first: np.ndarray, second: np.ndarray, margin: float, resamples: int = DRAWS) -> Test:
    """Test a difference of two means over members and, the same for both, over test items; see `_compare_resampled`.

    Args:
        first, second: (members, items) scores of the same items.
    """
    return _compare_resampled(_mean_of(first), _mean_of(second), first.shape[1], margin, resamples)


class _Scores(NamedTuple):
    """What members score on weighted items: `of` takes weights (draws, items) and gives (draws, members); no score lies beyond `ends`."""

    of: Callable[[np.ndarray], np.ndarray]
    ends: tuple[float, float]

    def of_others(self, weights: np.ndarray, spread: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return what as many other members might score in the mean on other items: (draws,).

        Args:
            weights: (draws, items), how often each item was drawn. spread: (draws,), by which deviations from items are stretched.
        """
        found, mean = self.of(weights), self.mean(weights.shape[1])
        means, members = mean + spread * (found.mean(1) - mean), found.shape[1]
        if members > 1:
            means += found.std(1, ddof=1) / math.sqrt(members) * generator.standard_t(members - 1, len(means))
        return np.clip(means, *self.ends)

    def mean(self, items: int) -> float:
        """Return the mean score of the members there are on the items there are."""
        return float(self.of(np.ones((1, items))).mean())


def _compare_resampled(first: _Scores, second: _Scores | float, items: int, margin: float, resamples: int) -> Test:
    """Compare two scores over members and, the same for both, over items; the second may be a limit.

    Other items are drawn with replacement (bootstrap), and how far that leads away is stretched to Student's t: few items, drawn with
    replacement, vary too little, as if their spread were known. What other members would score is drawn from Student's t around the mean
    of those there are: three of them, drawn with replacement, never leave their own range. Test items count however many members there
    are, since what is claimed is not claimed of these sentences alone.
    """
    generator, draws = _generator(), []
    for start in range(0, resamples, TOGETHER):
        count = min(TOGETHER, resamples - start)
        weights = _drawn(items, count, generator)
        spread = np.sqrt(items / generator.chisquare(items - 1, count)) if items > 1 else np.ones(count)
        one, other = (side.of_others(weights, spread, generator) if isinstance(side, _Scores) else side for side in (first, second))
        draws.append(one - other)
    apart = np.concatenate(draws)
    effect = first.mean(items) - (second.mean(items) if isinstance(second, _Scores) else second)
    low, high = np.quantile(apart, [LEVEL / 2, 1 - LEVEL / 2])
    p_for, p_against = ((1 + hits) / (resamples + 1) for hits in ((apart <= margin).sum(), (apart >= 0).sum()))
    return Test(float(effect), (float(low), float(high)), float(p_for), float(p_against))


def _drawn(items: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each item comes up where as many as there are are drawn with replacement: (draws, items)."""
    places = generator.integers(items, size=(draws, items)) + items * np.arange(draws)[:, None]
    return np.bincount(places.ravel(), minlength=draws * items).reshape(draws, items).astype(float)


def _mean_of(items: np.ndarray) -> _Scores:
    """Return the mean score of weighted items (members, items)."""
    return _Scores(lambda weights: weights @ items.T / weights.sum(1, keepdims=True), (float(items.min()), float(items.max())))


def _ratio_of(ratio: Ratio) -> _Scores:
    """Return the ratio over weighted items."""
    return _Scores(lambda weights: weights @ ratio.part.T / np.maximum(weights @ ratio.whole.T, 1), (0.0, ratio.most))


def holm(values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p values, in the order given."""
    adjusted, running = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        running = max(running, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = running
    return adjusted
