"""Plain gradient descent from random starts at many learning rates: where it is stable, and where it arrives (E2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Surface = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
ENOUGH = 0.95  # share of starts that must be stable for a rate to count as stable


class Descents(NamedTuple):
    """What became of each descent, both (rates, groups, starts): never a step too long and always finite; arrived in the end."""

    stable: np.ndarray
    arrived: np.ndarray


def descend(surface: Surface, starts: np.ndarray, rates: Sequence[float], updates: int, flown: float, near: float) -> Descents:
    """Descend from every start at every rate, all at once, without clipping.

    Args:
        surface: gives error and derivatives for weight and bias, at any array of points.
        starts: (2, groups, starts), weights and biases.
        rates: of learning.
        updates: number of steps.
        flown: a descent with a single step longer than this is not stable.
        near: error below which a descent has arrived.
    """
    place = np.repeat(starts[:, None], len(rates), axis=1)  # (2, rates, groups, starts)
    each = np.asarray(rates, float)[:, None, None]
    longest = np.zeros(place.shape[1:])
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(updates):
            step = each * np.stack(surface(*place)[1:])
            longest = np.maximum(longest, np.hypot(*step))  # keeps a NaN
            place = place - step
        errors = surface(*place)[0]
        return Descents((longest <= flown) & np.isfinite(place).all(0) & np.isfinite(errors), errors < near)


def stable_rate(stable: np.ndarray, rates: Sequence[float]) -> list[float]:
    """Return log10 of each group's largest stable rate (groups,), from `Descents.stable`.

    A rate is stable if at least 95 % of the group's starts are stable at it and at all lower ones. Where not even the lowest is, it
    counts as one grid step below the lowest.
    """
    logarithms = np.log10(rates)
    steps = np.concatenate([[2 * logarithms[0] - logarithms[1]], logarithms])
    so_far = np.logical_and.accumulate(stable, axis=0).mean(-1) >= ENOUGH  # (rates, groups), true up to the largest stable one
    return steps[so_far.sum(0)].tolist()


def best_rate(arrived: np.ndarray) -> int:
    """Return the place of the rate at which most starts of all groups arrive, the lowest of equals."""
    return int(arrived.mean((1, 2)).argmax())
