"""Chooses learning rates on validation data: one grid, equal budget, the grid riding on the member axis.

Where the best rate lies at an end of the grid, that run's grid grows beyond it: no run is held back by where a grid happens to stop.
Where a section asks for it, the two best rates meet once more on further seeds: the best of a grid often is the last before the edge, over
which one seed in so many falls, and three seeds do not show that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unrolled import engines, execution, guard, tuned
from unrolled.engines.jobs import Member
from unrolled.learning_rates import chosen_rate, next_rate, ranked
from unrolled.settings import Run, Settings, SettingsError, TaskSection, TuningSettings, nearest
from unrolled.tasks import TASKS


def tune(settings: Settings, everything: bool = False, only: Sequence[str] = ()) -> list[str]:
    """Tune each run without rates of its own, and write tuned.yaml after each section.

    Args:
        settings: all settings.
        everything: tune again what is tuned with the settings and code of now.
        only: names of sections; all where none is given.

    Returns:
        One line per tuned run.

    Raises:
        SettingsError: there is no section of a name.
    """
    for name in only:
        if name not in settings.tasks:
            raise SettingsError(f"there is no section tasks.{name}{nearest(name, settings.tasks)}")
    device = engines.device(settings)
    lines = []
    with guard.lock("tune"):
        entries = {name: dict(found) for name, found in tuned.load().items() if name in settings.tasks}
        evidence = {name: dict(found) for name, found in tuned.load_evidence().items()}
        for name, section in settings.tasks.items():
            if only and name not in only:
                continue
            entries.setdefault(name, {})
            runs = [run for run in section.runs.values() if not run.learning_rates]
            entries[name] = {run.name: entries[name][run.name] for run in runs if run.name in entries[name]} | {
                run: entries[name][run] for run in section.elsewhere if run in entries[name]}
            scores = evidence.setdefault(name, {})
            due = [run for run in runs if everything or _is_due(settings, section, run, entries[name], scores)]
            kept = {} if everything else {
                run.name: scores[run.name] for run in due if _is_current(settings, section, run, entries[name], scores)}
            found = _grown(settings, section, [run.name for run in due], kept, device)
            if section.finalist_seeds:
                again = _scored(settings, section, {run: _final(settings, section, scored) for run, scored in found.items()}, device)
                found = {run: _joined(scored, again[run]) for run, scored in found.items()}
            for run in due:
                scores[run.name] = found[run.name]
                entries[name][run.name] = {"learning_rate": chosen_rate(found[run.name], section.lower_of_alike),
                                           "code": execution.tuning_hash(run, section.reads, settings.tuning)}
                lines.append(f"{name}/{run.name}: {entries[name][run.name]['learning_rate']:g}")
            tuned.save(entries, evidence)
    return lines


def task_options(run: Run) -> dict[str, Any]:
    """Return what a task does otherwise while tuning: it never trains on the validation split it is judged on."""
    return {"train_on_validation": False} if run.options.get("train_on_validation") else {}


def _grown(settings: Settings, section: TaskSection, names: Sequence[str], kept: Mapping[str, Any],
           device: str) -> dict[str, dict[str, Any]]:
    """Score some runs on the grid, and each on the rates beyond it for as long as an end of what it has tried leads.

    Args:
        kept: scores of before that still hold, by the run's name; what they cover is not trained again.
    """
    chosen = settings.tuning
    seeds = list(range(chosen.first_seed, chosen.first_seed + chosen.seeds))
    found = {}
    for name, scored in kept.items():
        if _is_of_grid(scored, chosen) and scored["seeds"][:chosen.seeds] == seeds:
            scores = {float(rate): list(values[:chosen.seeds]) for rate, values in scored["scores"].items()}
            found[name] = {**scored, "seeds": seeds, "scores": scores}
    due = {name: _grid(settings, chosen.learning_rates) for name in names if name not in found}
    while True:
        scored = _scored(settings, section, due, device) if due else {}
        found |= {name: _joined(found[name], scored[name]) if name in found else scored[name] for name in scored}
        beyond = {name: next_rate(found[name], chosen) for name in names}
        due = {name: _grid(settings, [rate]) for name, rate in beyond.items() if rate is not None}
        if not due:
            return found


def _joined(found: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's scores with those of other members of it."""
    scores = {rate: [*found["scores"].get(rate, []), *more["scores"].get(rate, [])] for rate in sorted({*found["scores"], *more["scores"]})}
    return {**found, "seeds": sorted({*found["seeds"], *more["seeds"]}), "scores": scores}


def _grid(settings: Settings, rates: Sequence[float]) -> list[Member]:
    chosen = settings.tuning
    return [(seed, rate) for rate in sorted(rates) for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds)]


def _final(settings: Settings, section: TaskSection, found: Mapping[str, Any]) -> list[Member]:
    """Return the members on which the two best rates meet again."""
    first = settings.tuning.first_seed + settings.tuning.seeds
    return [(seed, rate) for rate in ranked(found["scores"], found["higher_is_better"])[:2]
            for seed in range(first, first + section.finalist_seeds)]


def _scored(settings: Settings, section: TaskSection, members: Mapping[str, Sequence[Member]], device: str) -> dict[str, dict[str, Any]]:
    """Train what is not yet there of each run's members, and return the scores by the run's name."""
    runs = {name: section.runs[name] for name in members}
    jobs = [job for name, run in runs.items() for job in execution.plan(run, section.reads, members[name], device, task_options(run))]
    execution.execute(jobs, device, settings, f"tune {section.name}")
    return {name: _evidence(run, section.reads, members[name], device) for name, run in runs.items()}


def _is_current(settings: Settings, section: TaskSection, run: Run, entries: Mapping[str, Any], scores: Mapping[str, Any]) -> bool:
    """Tell whether a run's entry and its evidence are there and were made with the run's settings and code of now."""
    found = entries.get(run.name)
    return (isinstance(found, Mapping) and run.name in scores
            and found.get("code") == execution.tuning_hash(run, section.reads, settings.tuning))


def _is_due(settings: Settings, section: TaskSection, run: Run, entries: Mapping[str, Any], scores: Mapping[str, Any]) -> bool:
    """Tell whether a rate is missing or none, or was chosen with other settings or code, from other rates or on fewer seeds."""
    if not _is_current(settings, section, run, entries, scores) or tuned.rate_of(entries[run.name]) is None:
        return True
    chosen, found = settings.tuning, scores[run.name]
    seeds = list(range(chosen.first_seed, chosen.first_seed + chosen.seeds + section.finalist_seeds))
    return not _is_of_grid(found, chosen) or next_rate(found, chosen) is not None or found["seeds"][: len(seeds)] != seeds


def _is_of_grid(found: Mapping[str, Any], chosen: TuningSettings) -> bool:
    """Tell whether the rates that were tried are the grid and nothing but further rates beyond it."""
    grid, tried = set(chosen.learning_rates), {float(rate) for rate in found["scores"]}
    return grid <= tried <= grid | set(chosen.further_rates)


def _evidence(run: Run, reads: str, members: Sequence[tuple[int, float]], device: str) -> dict[str, Any]:
    """Return the validation scores of a run by learning rate."""
    headline, higher = TASKS[run.kind].headline, TASKS[run.kind].higher_is_better
    scores: dict[float, list[float | None]] = {rate: [] for rate in sorted({rate for _, rate in members})}
    for (_, rate), key in execution.keyed_members(run, reads, members, device, task_options(run)):
        record = execution.finished(run, key)
        scores[rate].append(None if record["diverged"] else record["validation"].get(headline))
    return {"metric": headline, "higher_is_better": higher, "seeds": sorted({seed for seed, _ in members}),
            "scores": {rate: [None if value is None else round(value, 6) for value in values] for rate, values in scores.items()}}
