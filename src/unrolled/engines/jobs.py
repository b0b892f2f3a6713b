"""One job: members of one run that are trained together, and what each of them leaves."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from unrolled import catalogue, processor, store, training
from unrolled.settings import Run, SettingsError

Member = tuple[int, float]
SAID = 300  # letters that are shown of what a compiler says


@dataclasses.dataclass(frozen=True)
class Job:
    """Members of one run that are trained together, with their keys."""

    run: Run
    reads: str
    members: tuple[Member, ...]
    keys: tuple[str, ...]
    task_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def cost(self) -> float:
        """A rough measure of the work, to start the longest first."""
        steps = float(self.run.options.get("length", 196 if self.run.kind == "digits" else 20))
        width = {"lstm": 5, "gru": 5}.get(self.run.cell, 1)
        work = (self.run.updates or 150 * self.run.epochs) * steps * width * self.run.layers
        return work * len(self.members) * self.run.hidden * self.run.batch * (2 if self.run.bidirectional else 1) * (1 + self.run.window)


def for_all_workers(jobs: Sequence[Job], workers: int) -> list[Job]:
    """Return the jobs, the costliest halved until every worker has one: a member takes less time in company, unless others stand idle."""
    found = list(jobs)
    while len(found) < workers and (large := [job for job in found if len(job.members) > 1]):
        costliest = max(large, key=lambda job: job.cost)
        middle = -(-len(costliest.members) // 2)
        found.remove(costliest)
        found += [dataclasses.replace(costliest, members=costliest.members[part], keys=costliest.keys[part])
                  for part in (slice(middle), slice(middle, None))]
    return found


class Finished(NamedTuple):
    """What one member leaves, in plain values and arrays: what `store.save` takes, and what travels between machines."""

    key: str
    record: dict[str, Any]
    history: list[dict[str, Any]]
    items: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]


def train(job: Job, device: str, report: training.Report | None = None) -> list[Finished]:
    """Train one job in this process and return its members; nothing is written.

    Raises:
        SettingsError: its steps are to be compiled, and cannot be.
    """
    processor.prepare()
    started = time.perf_counter()
    task = catalogue.make_task(job.run, job.reads, **job.task_options)
    way = _train_compiled if job.run.path == "compiled" else training.train
    trained = way(job.run, task, job.members, torch.device(device), report)
    seconds = (time.perf_counter() - started) / len(job.members)
    found = [_finished(key, member, index, trained, seconds, task.chance)
             for index, (member, key) in enumerate(zip(job.members, job.keys, strict=True))]
    processor.give_memory_back()
    return found


def _train_compiled(run: Run, *arguments: Any) -> training.Trained:
    """Train a run whose steps are compiled, and say in one sentence where they cannot be."""
    from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException  # here: it takes more than a second

    try:
        return training.train(run, *arguments)
    except (TorchDynamoException, FailOnRecompileLimitHit) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise SettingsError(f"tasks.{run.task}.runs.{run.name}.path is 'compiled', but torch.compile failed ({said[:SAID]}); it needs a "
                            "C++ compiler and, on a GPU, Triton, and batches of few shapes. Else set path: loop.") from None


def _finished(key: str, member: Member, index: int, trained: training.Trained, seconds: float, chance: Mapping[str, float]) -> Finished:
    """Take one member's part out of what a training left."""
    seed, rate = member
    history = [row for row in trained.history if (row["seed"], row["learning_rate"]) == member]
    record = {
        "key": key, "seed": seed, "learning_rate": rate, "metrics": trained.metrics[index], "seconds": seconds,
        "validation": trained.validation[index] if trained.validation else {}, "chance": dict(chance),
        "diverged": trained.divergences[index], "stopped": trained.stopped[index], "parameters": trained.parameters}
    return Finished(key, record, history, {name: counts[index] for name, counts in trained.items.items()},
                    {name: weight[index] for name, weight in trained.weights.items()})


def keep(members: list[Finished]) -> None:
    """Write finished members under .runs/."""
    for member in members:
        store.save(*member)
