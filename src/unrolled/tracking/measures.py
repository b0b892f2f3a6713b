"""What is charted of a run: points named by section ("training/loss"), since MLflow charts what stands before the slash together.

final/          test scores: the mean over seeds. spread/ their standard deviation over seeds. seed_by_seed/ one by one, the seed as step.
training/       over updates: the mean over seeds of the loss and of the gradient norm; of the loss also its lowest and highest seed, and
                the first seed alone, whose roughness no mean shows.
validation/     over updates: the mean over seeds of the scores on validation data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

KEPT_STEPS = 100  # of a mean curve: more cannot be seen, and would make the store large
LEFT_OUT = ("seed", "learning_rate", "step", "gradient_largest")
TRAINING = ("loss", "gradient_norm")
Members = Sequence[Mapping[str, Any]]
Rows = Sequence[Mapping[str, str]]


class Point(NamedTuple):
    """One value of a metric; its step is an update, or a seed."""

    name: str
    value: float
    step: int = 0


def section(column: str) -> str:
    """Return the metric's name of a column of the history."""
    return f"{'training' if column in TRAINING else 'validation'}/{column}"


def curve_points(history: Rows, members: Members) -> list[Point]:
    """Return the curves of one learning rate.

    A seed that stopped because it had solved its task counts on with its last loss and its validation score: without it the mean would
    rise. A seed that diverged is left out from then on; final/diverged says how many did.

    Args:
        history: rows of these members, a column each for seed, learning_rate, step, loss, gradient_norm and scores.
        members: a run's members at this rate, of whom `stopped` is the step at which they had solved the task, or None.
    """
    found = []
    for column in history[0] if history else ():
        if column not in LEFT_OUT:
            found += _points(column, *_by_member(history, members, column))
    return found


def _by_member(history: Rows, members: Members, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps at which anybody has a value of a column (steps,), and the values (members, steps), NaN where there is none."""
    known = {(int(row["seed"]), int(row["step"])): float(row[column]) for row in history if row[column]}
    steps = np.array(sorted({step for _, step in known}), dtype=int)
    values = np.array([[known.get((member["seed"], int(step)), np.nan) for step in steps] for member in members]).reshape(len(members), -1)
    values[~np.isfinite(values)] = np.nan
    for row, member in zip(values, members, strict=True):
        if member.get("stopped") is not None:
            missing = np.isnan(row) & (steps >= member["stopped"])
            before = row[np.isfinite(row)]
            row[missing] = member["validation"].get(column, before[-1] if len(before) else np.nan)
    recorded = np.isfinite(values).any(0)
    return steps[recorded], values[:, recorded]


def _points(column: str, steps: np.ndarray, values: np.ndarray) -> list[Point]:
    if not len(steps):
        return []
    kept = sorted({*range(0, len(steps), -(-len(steps) // KEPT_STEPS)), len(steps) - 1})
    series = {column: (kept, np.nanmean(values, 0))}
    if column == "loss" and len(values) > 1:
        series |= {"loss_lowest_seed": (kept, np.nanmin(values, 0)), "loss_highest_seed": (kept, np.nanmax(values, 0)),
                   "loss_first_seed": (range(len(steps)), values[0])}
    return [Point(section(column).replace(column, name), _short(line[place]), int(steps[place]))
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
        found += [Point(f"seed_by_seed/{name}", value, seed) for seed, value in known.items()]
    return [*found, Point("final/diverged", float(sum(member["diverged"] is not None for member in members)))]


def _short(value: float) -> float:
    """Return a number as a table shows it, with four digits."""
    return float(f"{value:.4g}")
