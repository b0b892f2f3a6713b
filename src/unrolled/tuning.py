"""Chooses learning rates on validation data: one grid, equal budget, the grid riding on the member axis.

Where a section asks for it, the two best rates meet once more on further seeds: the best of a grid often is the last before the edge, over
which one seed in so many falls, and three seeds do not show that. Of two that are alike the lower is taken.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from unrolled import engines, execution, guard, store, tuned
from unrolled.engines.jobs import Member
from unrolled.settings import Run, Settings, SettingsError, TaskSection, nearest
from unrolled.tasks import TASKS

ALPHA = 0.05


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
    entries = {name: dict(found) for name, found in tuned.load().items() if name in settings.tasks}
    evidence = {name: dict(found) for name, found in tuned.load_evidence().items()}
    lines = []
    with guard.lock("tune"):
        for name, section in settings.tasks.items():
            if only and name not in only:
                continue
            entries.setdefault(name, {})
            runs = [run for run in section.runs.values() if not run.learning_rates]
            entries[name] = {run.name: entries[name][run.name] for run in runs if run.name in entries[name]} | {
                run: entries[name][run] for run in section.elsewhere if run in entries[name]}
            scores = evidence.setdefault(name, {})
            due = [run for run in runs
                   if everything or _stale(entries[name].get(run.name), scores.get(run.name), run, section, settings)]
            found = _scored(settings, section, {run.name: _grid(settings) for run in due}, device)
            if section.finalist_seeds:
                again = {run: _grid(settings) + _final(settings, section, scored) for run, scored in found.items()}
                found = _scored(settings, section, again, device)
            for run in due:
                scores[run.name] = found[run.name]
                entries[name][run.name] = {"learning_rate": chosen_rate(found[run.name]),
                                           "code": execution.tuning_hash(run, section.reads)}
                lines.append(f"{name}/{run.name}: {entries[name][run.name]['learning_rate']:g}")
            tuned.save(entries, evidence)
    return lines


def task_options(run: Run) -> dict[str, Any]:
    """Return what a task does otherwise while tuning: it never trains on the validation split it is judged on."""
    return {"train_on_validation": False} if run.options.get("train_on_validation") else {}


def _grid(settings: Settings) -> list[Member]:
    chosen = settings.tuning
    return [(seed, rate) for rate in chosen.learning_rates for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds)]


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
    return {name: _evidence(settings, run, section.reads, members[name], device) for name, run in runs.items()}


def _stale(found: Mapping[str, Any] | None, evidence: Mapping[str, Any] | None, run: Run, section: TaskSection,
           settings: Settings) -> bool:
    """Tell whether an entry or its evidence is missing, or it was chosen with other settings or code, from another grid or fewer seeds."""
    return (found is None or evidence is None or found.get("code") != execution.tuning_hash(run, section.reads)
            or {float(rate) for rate in evidence["scores"]} != set(settings.tuning.learning_rates)
            or len(evidence["seeds"]) < settings.tuning.seeds + section.finalist_seeds)


def _evidence(settings: Settings, run: Run, reads: str, members: Sequence[tuple[int, float]], device: str) -> dict[str, Any]:
    """Return the validation scores of a run by learning rate."""
    headline, higher = TASKS[run.kind].headline, TASKS[run.kind].higher_is_better
    scores: dict[float, list[float | None]] = {rate: [] for rate in settings.tuning.learning_rates}
    for (_, rate), key in execution.keyed_members(run, reads, members, device, task_options(run)):
        record = store.load(key)
        scores[rate].append(None if record["diverged"] else record["validation"].get(headline))
    return {"metric": headline, "higher_is_better": higher, "seeds": sorted({seed for seed, _ in members}),
            "scores": {rate: [None if value is None else round(value, 6) for value in values] for rate, values in scores.items()}}


def chosen_rate(found: Mapping[str, Any]) -> float:
    """Return the best rate; of two that met again and that their seeds cannot tell apart, the lower, which is further from the edge."""
    scores = found["scores"]
    most = max(map(len, scores.values()))
    best, *others = ranked({rate: values for rate, values in scores.items() if len(values) == most}, found["higher_is_better"])
    if most > min(map(len, scores.values())) and others[0] < best and not _told_apart(scores[best], scores[others[0]]):
        return others[0]
    return best


def _told_apart(some: Sequence[float | None], others: Sequence[float | None]) -> bool:
    """Tell whether the scores of the same seeds differ in the mean (paired t-test); a seed that diverged tells them apart."""
    from scipy import stats  # here: half a second's import that training does not need

    if None in some or None in others:
        return True
    return bool(stats.ttest_rel(some, others).pvalue < ALPHA)


def ranked(scores: Mapping[float, Sequence[float | None]], higher_is_better: bool) -> list[float]:
    """Return the rates, that of the best mean score over seeds first; a tie goes to the better median, then to the lower rate.

    The mean, since the median of three hides the one seed that fails, and a rate at which one seed in three fails is no good rate. A
    diverged seed (None) counts as infinitely bad.
    """
    sign = 1 if higher_is_better else -1

    def rank(rate: float) -> tuple[float, float, float]:
        values = [float("-inf") if value is None else sign * value for value in scores[rate]]
        return statistics.fmean(values), statistics.median(values), -rate

    return sorted(scores, key=rank, reverse=True)
