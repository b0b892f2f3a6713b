"""Which runs MLflow shows: ours, one for each learning rate, since a mean over several rates would say nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from unrolled import results


class Shown(NamedTuple):
    """A run of ours at one learning rate: what becomes one run of MLflow's."""

    name: str
    run: str
    rate: float
    record: Mapping[str, Any]

    @property
    def members(self) -> list[Mapping[str, Any]]:
        """Its members, one per seed."""
        return [member for member in self.record["members"] if member["learning_rate"] == self.rate]


def shown_runs(task: str, names: Iterable[str]) -> Iterator[Shown]:
    """Yield the runs of a task that are to be shown; a run of one rate keeps its name, others are named with their rate.

    Raises:
        ResultsError: a result is missing or damaged.
    """
    for name in names:
        record = results.read_result(results.run_file(task, name))
        rates = sorted({member["learning_rate"] for member in record["members"]})
        for rate in rates:
            yield Shown(name if len(rates) == 1 else f"{name}_rate_{rate:g}", name, rate, record)
