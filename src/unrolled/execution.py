"""Which members to train, where, and what becomes of them.

The members of a run are cut into jobs, an engine spreads the jobs of a task over worker processes (one torch thread each) on this machine
or on a cluster, finished members are kept by key and never trained twice. Since members do not touch each other, how they are cut, how
many workers there are and where changes no bit of the result.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from unrolled import engines, guard, keys, progress, results, store, tuned
from unrolled.engines.jobs import Job, Member, for_all_workers
from unrolled.progress import Progress
from unrolled.settings import Run, Settings, TaskSection, TuningSettings


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


def execute(jobs: Sequence[Job], device: str, settings: Settings, title: str) -> None:
    """Do the jobs, the longest first, with a progress bar on a terminal.

    Raises:
        KeyboardInterrupt: asked to stop (Ctrl-C or SIGTERM); what was running is ended, finished members are kept.
    """
    if not (left := without_doubles(jobs)):
        return
    ordered = sorted(for_all_workers(left, engines.workers(settings, device)), key=lambda job: -job.cost)
    with Progress(title, ordered) as bar, contextlib.closing(engines.run(ordered, device, settings, title)) as finished:
        for _ in finished:
            bar.advance()


def train_section(settings: Settings, name: str) -> None:
    """Train all runs of a section and write results/train/<section>/, whole or not at all."""
    section = settings.tasks[name]
    entries = tuned.load()
    members = {run.name: members_of(run, entries) for run in section.runs.values()}
    notes = {run.name: None if run.learning_rates else _tuning_note(run, section, entries, settings.tuning)
             for run in section.runs.values()}
    device = engines.device(settings)
    with guard.lock(f"train-{name}"):
        store.clear_leftovers()
        progress.clear(name)
        jobs = [job for run in section.runs.values() for job in plan(run, section.reads, members[run.name], device)]
        execute(jobs, device, settings, f"train {name}")
        with results.replaced_folder(results.task_folder(name)) as folder:
            seconds = {run.name: _gather(folder, run, section, members[run.name], device, notes[run.name])
                       for run in section.runs.values()}
            results.write_json(folder / "seconds.json", seconds)


def finished(run: Run, key: str) -> dict[str, Any]:
    """Return a member's record that is known to have been finished.

    Raises:
        ResultsError: it is no longer there, or is damaged.
    """
    record = store.load(key)
    if record is None:
        raise results.ResultsError(f"a finished member of {run.task}/{run.name} vanished from {results.RUNS}; run the same command again.")
    return record


def _gather(folder: Any, run: Run, section: TaskSection, members: Sequence[Member], device: str,
            tuning_note: Mapping[str, Any] | None) -> float:
    """Write one run's files from its finished members; return the seconds they took."""
    records = [finished(run, key) for _, key in keyed_members(run, section.reads, members, device)]
    fields = ("seed", "learning_rate", "key", "metrics", "validation", "diverged", "stopped")
    results.write_json(folder / f"{run.name}.json", {
        "format": results.FORMAT, "task": section.name, "run": run.name, "settings": _shown(run, members), "device": device,
        "torch": torch.__version__, "code": keys.code_of(run), "parameters": records[0]["parameters"], "chance": records[0]["chance"],
        "tuned": tuning_note,
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


def tuning_hash(run: Run, reads: str, grid: TuningSettings) -> str:
    """Return the hash that tells whether a tuned rate was chosen with the settings, data and code of now, on whatever device and processor.

    Of what is tuned on, the grid and the seeds count: rates beyond the grid are only tried by who needs them.
    """
    parts = keys.tuned_for(run, reads), sorted(grid.learning_rates), grid.first_seed, grid.seeds
    return results.bytes_hash(repr(parts).encode())[:16]


def _tuning_note(run: Run, section: TaskSection, entries: Mapping[str, Any], grid: TuningSettings) -> dict[str, Any]:
    found = tuned.entry(entries, run)
    return {"learning_rate": found["learning_rate"], "stale": found.get("code") != tuning_hash(run, section.reads, grid)}
