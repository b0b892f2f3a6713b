"""Which members to train, where, and what becomes of them.

The members of a run are cut into jobs, the jobs of a task fan out over worker processes (one torch thread each), finished members
are kept by key and never trained twice. Since members do not touch each other, how they are cut and how many workers there are
changes no bit of the result.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from unrolled import catalogue, guard, keys, processor, progress, results, store, training, tuned
from unrolled.progress import Live, Progress
from unrolled.settings import Run, Settings, TaskSection

Member = tuple[int, float]


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


def members_of(run: Run, entries: Mapping[str, Any]) -> list[Member]:
    """Return the (seed, learning rate) of each member: the run's own rates, or the one in tuned.yaml."""
    rates = run.learning_rates or (tuned.entry(entries, run)["learning_rate"],)
    return [(seed, rate) for rate in rates for seed in range(run.first_seed, run.first_seed + run.seeds)]


def plan(run: Run, reads: str, members: Sequence[Member], device: str, task_options: Mapping[str, Any] | None = None
         ) -> list[Job]:
    """Cut the members of a run that are not finished yet into jobs."""
    keyed = keyed_members(run, reads, members, device, task_options)
    missing = [(member, key) for member, key in keyed if store.load(key) is None]
    groups = [missing[start : start + run.members_together] for start in range(0, len(missing), run.members_together)]
    return [Job(run, reads, *(tuple(part) for part in zip(*group, strict=True)), task_options or {}) for group in groups]


def keyed_members(run: Run, reads: str, members: Sequence[Member], device: str,
                  task_options: Mapping[str, Any] | None = None) -> list[tuple[Member, str]]:
    """Return each member with its key."""
    seen = dataclasses.replace(run, options={**run.options, **(task_options or {})})
    common = keys.run_hash(seen, reads, device)
    return [(member, keys.member_key(common, *member)) for member in members]


def without_doubles(jobs: Sequence[Job]) -> list[Job]:
    """Leave out members that an earlier job trains too: two runs with the same settings, as may be at another scale, share them."""
    seen: set[str] = set()
    found = []
    for job in jobs:
        fresh = [(member, key) for member, key in zip(job.members, job.keys, strict=True) if key not in seen]
        seen.update(job.keys)
        if fresh:
            members, keys_of_members = zip(*fresh, strict=True)
            found.append(dataclasses.replace(job, members=members, keys=keys_of_members))
    return found


def execute(jobs: Sequence[Job], device: str, workers: int, title: str) -> None:
    """Do the jobs, the longest first, with a progress bar on a terminal.

    Raises:
        KeyboardInterrupt: asked to stop (Ctrl-C or SIGTERM); the workers are ended, finished members are kept.
    """
    ordered = sorted(without_doubles(jobs), key=lambda job: -job.cost)
    if not ordered:
        return
    workers = min(workers or os.cpu_count() or 1, len(ordered))
    tasks = (delayed(work)(job, device) for job in ordered)
    parallel = Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", batch_size=1, pre_dispatch="all",
                        initializer=guard.watch_parent, initargs=(os.getpid(),))
    finished = False
    try:
        with Progress(title, ordered) as bar:
            for _ in parallel(tasks):
                bar.advance()
        finished = True
    finally:
        if not finished:
            get_reusable_executor(reuse=True, kill_workers=True).shutdown(wait=False, kill_workers=True)


def work(job: Job, device: str) -> None:
    """Train one job, as a rule in a worker process, and keep its members."""
    processor.prepare()
    started = time.perf_counter()
    task = catalogue.make_task(job.run, job.reads, **job.task_options)
    with Live(job.run, job.members[0]) as live:
        trained = training.train(job.run, task, job.members, torch.device(device), live.report)
    seconds = (time.perf_counter() - started) / len(job.members)
    for index, (member, key) in enumerate(zip(job.members, job.keys, strict=True)):
        _keep(key, member, index, trained, seconds, task.chance)
    processor.give_memory_back()


def _keep(key: str, member: Member, index: int, trained: training.Trained, seconds: float, chance: Mapping[str, float]
          ) -> None:
    """Write what one member left."""
    seed, rate = member
    history = [row for row in trained.history if (row["seed"], row["learning_rate"]) == member]
    record = {
        "key": key, "seed": seed, "learning_rate": rate, "metrics": trained.metrics[index], "seconds": seconds,
        "validation": trained.validation[index] if trained.validation else {}, "chance": dict(chance),
        "diverged": trained.divergences[index], "stopped": trained.stopped[index], "parameters": trained.parameters}
    store.save(key, record, history, {name: counts[index] for name, counts in trained.items.items()},
               {name: weight[index] for name, weight in trained.weights.items()})


def train_section(settings: Settings, name: str) -> None:
    """Train all runs of a section and write results/train/<section>/, whole or not at all."""
    section = settings.tasks[name]
    entries = tuned.load()
    members = {run.name: members_of(run, entries) for run in section.runs.values()}
    device = str(training.choose_device(settings.device))
    with guard.lock(f"train-{name}"):
        store.clear_leftovers()
        progress.clear(name)
        jobs = [job for run in section.runs.values() for job in plan(run, section.reads, members[run.name], device)]
        execute(jobs, device, guard.share_of_workers(settings.workers), f"train {name}")
        with results.replaced_folder(results.task_folder(name)) as folder:
            seconds = {run.name: _gather(folder, run, section, members[run.name], device, entries)
                       for run in section.runs.values()}
            results.write_json(folder / "seconds.json", seconds)


def _gather(folder: Any, run: Run, section: TaskSection, members: Sequence[Member], device: str,
            entries: Mapping[str, Any]) -> float:
    """Write one run's files from its finished members; return the seconds they took."""
    records = [store.load(key) for _, key in keyed_members(run, section.reads, members, device)]
    if any(record is None for record in records):
        raise results.ResultsError(f"a finished member of {section.name}/{run.name} vanished from {results.RUNS}; "
                                   "run the same command again.")
    fields = ("seed", "learning_rate", "key", "metrics", "validation", "diverged", "stopped")
    results.write_json(folder / f"{run.name}.json", {
        "format": results.FORMAT, "task": section.name, "run": run.name, "settings": _shown(run, members), "device": device,
        "torch": torch.__version__, "parameters": records[0]["parameters"], "chance": records[0]["chance"],
        "tuned": None if run.learning_rates else _tuning_note(run, section, entries),
        "members": [{field: record[field] for field in fields} for record in records]})
    results.write_csv(folder / f"{run.name}.csv", list(itertools.chain(*(record["history"] for record in records))))
    for kind, suffix in (("items", ".items.safetensors"), ("weights", ".safetensors")):
        arrays = {key: np.stack([record[kind][key] for record in records]) for key in records[0][kind]}
        results.write_arrays(folder / f"{run.name}{suffix}", arrays)
    return round(sum(record["seconds"] for record in records), 2)


def _shown(run: Run, members: Sequence[Member]) -> dict[str, Any]:
    """Return a run's settings flat, with the learning rates it was trained with."""
    flat = {key: value for key, value in dataclasses.asdict(run).items() if key not in ("task", "name", "options")}
    rates = sorted({rate for _, rate in members})
    return {**flat, **run.options, "learning_rates": rates, "learning_rate": rates[0] if len(rates) == 1 else None}


def tuning_hash(run: Run, reads: str) -> str:
    """Return the hash that tells whether a tuned rate was chosen with the settings and code of now, on whatever device."""
    return keys.run_hash(run, reads, "any")[:16]


def _tuning_note(run: Run, section: TaskSection, entries: Mapping[str, Any]) -> dict[str, Any]:
    found = tuned.entry(entries, run)
    return {"learning_rate": found["learning_rate"], "stale": found.get("code") != tuning_hash(run, section.reads)}
