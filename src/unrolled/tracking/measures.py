"""What is charted of a run: points named by section ("curve/loss"), since MLflow charts what stands before the slash together.

curve/      over updates: the mean over seeds of the loss and the validation scores; of the loss also its lowest and highest seed, and
            the first seed alone, whose roughness no mean shows.
final/      test scores: the mean over seeds. spread/ their standard deviation over seeds. each_seed/ one by one, the seed as step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unrolled.histories import Curve, curves

KEPT_STEPS = 100  # of a mean curve: more cannot be seen, and would make the store large
LEFT_OUT = ("seed", "learning_rate", "step", "gradient_largest")
Members = Sequence[Mapping[str, Any]]


class Point(NamedTuple):
    """One value of a metric; its step is an update, or a seed."""

    name: str
    value: float
    step: int = 0


def curve_points(history: Sequence[Mapping[str, str]], members: Members) -> list[Point]:
    """Return the curves of one learning rate.

    A seed that stopped because it had solved its task counts on with its last value: without it the mean would rise.
    A seed that diverged is left out from then on; final/diverged says how many did.

    Args:
        history: rows of these members, a column each for seed, learning_rate, step, loss and scores.
        members: a run's members at this rate, of whom `stopped` is the step at which they had solved the task, or None.
    """
    found = []
    for column in history[0] if history else ():
        if column not in LEFT_OUT:
            for curve in curves(history, column).values():
                found += _points(column, _carried_on(curve, [member.get("stopped") is not None for member in members]))
    return found


def _carried_on(curve: Curve, solved: Sequence[bool]) -> Curve:
    """Return steps at which anybody has a value, those who solved the task with their last value until the end."""
    recorded = np.isfinite(curve.values).any(0)
    steps, values = curve.steps[recorded], curve.values[:, recorded].copy()
    for row, done in zip(values, solved, strict=False):
        known = np.flatnonzero(np.isfinite(row))
        if done and len(known):
            row[known[-1] :] = row[known[-1]]
    return Curve(steps, values)


def _points(column: str, curve: Curve) -> list[Point]:
    if not len(curve.steps):
        return []
    values = np.where(np.isfinite(curve.values), curve.values, np.nan)
    kept = sorted({*range(0, len(curve.steps), -(-len(curve.steps) // KEPT_STEPS)), len(curve.steps) - 1})
    series = {column: (kept, np.nanmean(values, 0))}
    if column == "loss" and len(values) > 1:
        series |= {"loss_lowest_seed": (kept, np.nanmin(values, 0)), "loss_highest_seed": (kept, np.nanmax(values, 0)),
                   "loss_first_seed": (range(len(curve.steps)), values[0])}
    return [Point(f"curve/{name}", float(line[place]), int(curve.steps[place]))
            for name, (places, line) in series.items() for place in places if np.isfinite(line[place])]


def final_points(members: Members, score: str) -> list[Point]:
    """Return the test scores, `score` first: mean, standard deviation, and each seed's, but for a seed that diverged and has none."""
    found = []
    for name in sorted(members[0]["metrics"], key=lambda name: name != score):
        known = {member["seed"]: member["metrics"][name] for member in members if member["metrics"][name] is not None}
        if known:
            found.append(Point(f"final/{name}", _short(np.mean(list(known.values())))))
        if len(known) > 1:
            found.append(Point(f"spread/{name}", _short(np.std(list(known.values()), ddof=1))))
        found += [Point(f"each_seed/{name}", value, seed) for seed, value in known.items()]
    return [*found, Point("final/diverged", float(sum(member["diverged"] is not None for member in members)))]


def _short(value: float) -> float:
    """Return a number as a table shows it, with four digits."""
    return float(f"{value:.4g}")
