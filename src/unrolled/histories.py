"""Training curves as arrays, read back from the rows that a training recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unrolled import results

Rows = Sequence[Mapping[str, str]]


class Curve(NamedTuple):
    """Recorded steps (steps,), one value per member and step, (members, steps), and the members' seeds; who stopped early ends in NaN."""

    steps: np.ndarray
    values: np.ndarray
    seeds: tuple[int, ...] = ()


def curves(rows: Rows, column: str = "loss") -> dict[float, Curve]:
    """Return, by learning rate, what stands in a column; what was not finite, or not recorded at a step, is NaN."""
    members: dict[float, dict[str, dict[int, float]]] = {}
    for row in rows:
        by_seed = members.setdefault(float(row["learning_rate"]), {})
        by_seed.setdefault(row["seed"], {})[int(row["step"])] = float(row[column] or "nan")
    found = {}
    for rate, by_seed in members.items():
        steps = sorted({step for values in by_seed.values() for step in values})
        found[rate] = Curve(np.array(steps), np.array([[values.get(step, np.nan) for step in steps] for values in by_seed.values()]),
                            tuple(map(int, by_seed)))
    return found


def load(task: str, run: str, column: str = "loss") -> dict[float, Curve]:
    """Return the curves of a trained run by learning rate.

    Raises:
        ResultsError: it was not trained.
    """
    return curves(results.read_csv(results.history_file(task, run)), column)


def load_carried(task: str, run: str, members: Sequence[Mapping[str, Any]]) -> dict[float, Curve]:
    """Return the losses of a trained run by learning rate, those of a seed that has solved its task carried on (see `carried_on`).

    Raises:
        ResultsError: it was not trained.
    """
    return curves(rows_carried(task, run, members))


def rows_carried(task: str, run: str, members: Sequence[Mapping[str, Any]]) -> list[Mapping[str, str]]:
    """Return the recorded rows of a trained run, carried on (see `carried_on`).

    Raises:
        ResultsError: it was not trained.
    """
    return carried_on(results.read_csv(results.history_file(task, run)), members)


def carried_on(history: Rows, members: Sequence[Mapping[str, Any]]) -> list[Mapping[str, str]]:
    """Return the rows of a history, and for a seed that stopped because it had solved its task its last row at every later step."""
    steps = sorted({int(row["step"]) for row in history})
    last = {(int(row["seed"]), float(row["learning_rate"])): row for row in history}
    solved = [last.get((member["seed"], member["learning_rate"])) for member in members if member.get("stopped") is not None]
    return [*history, *({**row, "step": str(step)} for row in solved if row for step in steps if step > int(row["step"]))]
