"""What analyses read of trained runs: records, and one score per seed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unrolled import results, scores
from unrolled.settings import Run, Settings, SettingsError, TaskSection, nearest

if TYPE_CHECKING:
    from torch import nn

    from unrolled.tasks import Task


_read: set[str] = set()  # "section/run" of what the functions below have read


@contextlib.contextmanager
def noted() -> Iterator[set[str]]:
    """Give a set that names, at the end of the block, all runs that were read in it: what an analysis rests on."""
    _read.clear()
    yield _read


def check_sections(option: str, by_section: Mapping[str, Any], sections: Iterable[str]) -> None:
    """Check that an option that holds something by section names no others than the analysis looks into.

    Raises:
        ValueError: there is no such section among them.
    """
    for name in by_section:
        if name not in sections:
            raise ValueError(f"{option} names the section {name!r}{nearest(name, list(sections))}")


def check_more_seeds(more_seeds: Mapping[str, Any], sections: Iterable[str]) -> None:
    """Check an option `more_seeds`: by section, and by run of it, the one that stands in.

    Raises:
        ValueError: as `check_sections`, or a section has no mapping.
    """
    check_sections("more_seeds", more_seeds, sections)
    for name, runs in more_seeds.items():
        if not isinstance(runs, Mapping):
            raise ValueError(f"more_seeds.{name} must be a mapping of runs to those that stand in, but is {runs!r}.")


def note(reference: str) -> None:
    """Note that a run "section/run" was read, where it is not read by the functions here."""
    _read.add(reference)


def record(reference: str) -> dict[str, Any]:
    """Return the record of a run named "section/run".

    Raises:
        ResultsError: it was not trained.
    """
    section, _, run = reference.partition("/")
    _read.add(reference)
    return results.read_result(results.run_file(section, run))


def section_of(name: str, settings: Settings) -> TaskSection:
    """Return a section of tasks.

    Raises:
        SettingsError: there is none of that name.
    """
    if name not in settings.tasks:
        raise SettingsError(f"an analysis reads the section tasks.{name}, which does not exist{nearest(name, settings.tasks)}")
    return settings.tasks[name]


def gather(section: str, settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the records of all runs: of this scale, and those that were recorded once at full scale."""
    chosen = section_of(section, settings)
    return records(section, [*chosen.runs, *chosen.elsewhere], settings)


def records(section: str, runs: Iterable[str], settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the records of some runs, those left out that could have been recorded once at full scale but were not.

    Raises:
        ResultsError: a run of this scale was not trained, or there is none of that name.
    """
    elsewhere, paths = section_of(section, settings).elsewhere, {run: record_path(section, run, settings) for run in runs}
    found = {run: results.read_result(path) for run, path in paths.items() if run not in elsewhere or path.exists()}
    _read.update(f"{section}/{run}" for run in found)
    return found


def judged_records(section: str, runs: Iterable[str], more_seeds: Mapping[str, str], settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the records of some runs by name, and where one was recorded again once at full scale, that one's in its place.

    Args:
        section: of the runs. runs: their names. more_seeds: by name, the run with more seeds (or updates) by which claims are judged.
        settings: all settings.

    Raises:
        SettingsError: there is no such run, or none with more seeds, at any scale. ResultsError: as `records`.
    """
    own, chosen = records(section, runs, settings), section_of(section, settings)
    known = (*chosen.runs, *chosen.elsewhere)
    for name in (*more_seeds, *more_seeds.values()):
        if name not in known:
            raise SettingsError(f"an analysis names more_seeds of {section}/{name}, which does not exist{nearest(name, known)}")
    more = records(section, [more_seeds[run] for run in own if run in more_seeds], settings)
    return {run: more.get(more_seeds.get(run, ""), record) for run, record in own.items()}


def on_more_seeds(found: Mapping[str, dict[str, Any]]) -> tuple[str, str]:
    """Return what a caption has to say, in both languages, of those among some records that this scale does not train; empty if none."""
    names = recorded_names(found)
    if not names:
        return "", ""
    return (f" Recorded once at full scale, as the claim is judged: {', '.join(names)}.",
            f"其中 {'、'.join(names)} 只在 full 规模下训练过一次，判定依据的也是它们。")


def recorded_names(found: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return the names of those among some records that this scale does not train."""
    return [record["run"] for record in found.values() if not results.run_file(record["task"], record["run"]).exists()]


def record_path(section: str, run: str, settings: Settings) -> Path:
    """Return where a run's record lies: of this scale, or recorded once at full scale."""
    return (results.run_file if run in section_of(section, settings).runs else results.recorded_file)(section, run)


def items_of(section: str, run: str, settings: Settings) -> dict[str, np.ndarray]:
    """Return what a run left of its test items, at this scale or recorded once at full scale.

    Raises:
        ResultsError: it was not trained.
    """
    _read.add(f"{section}/{run}")
    return results.read_arrays(record_path(section, run, settings).with_suffix(".items.safetensors"))


def recorded(reference: str, settings: Settings, where: str) -> dict[str, Any]:
    """Return the record of the run named "section/run" that was trained once at full scale, as further seeds of another.

    Args:
        reference: of the run. settings: all settings. where: the option that names it, for the error.

    Raises:
        SettingsError: there is no such run. ResultsError: it was not recorded.
    """
    section, _, run = reference.partition("/")
    known = section_of(section, settings).elsewhere
    if run not in known:
        raise SettingsError(f"{where} is {reference!r}, which is no run that is recorded at full scale{nearest(run, known)}")
    _read.add(reference)
    return results.read_result(results.recorded_file(section, run))


class Loaded(NamedTuple):
    """A trained run: its settings, its task, and its model with the weights of all members."""

    run: Run
    task: Task
    model: nn.Module


def load(reference: str, settings: Settings, where: str, kind: str, **options: Any) -> Loaded:
    """Return the run named "section/run" with its trained weights.

    Args:
        reference: of the run.
        settings: all settings.
        where: the option that names it, for the error.
        kind: of task that it must be.
        options: of the task that take the place of the run's own, such as spare what only training needs.

    Raises:
        SettingsError: there is no such run, or it is of another kind.
        ResultsError: it was not trained.
    """
    from unrolled import catalogue  # here: who looks at records alone need not wait for torch
    from unrolled.analyses.weights import trained_model

    section_name, _, name = reference.partition("/")
    section = settings.tasks.get(section_name)
    if section is None or name not in section.runs or section.kind != kind:
        known = [f"{each.name}/{run}" for each in settings.tasks.values() if each.kind == kind for run in each.runs]
        raise SettingsError(f"{where} is {reference!r}, which is no run of a {kind} section{nearest(reference, known)}")
    run = section.runs[name]
    _read.add(reference)
    task = catalogue.make_task(run, section.reads, **options)
    return Loaded(run, task, trained_model(run, task, results.read_arrays(results.weights_file(section_name, name))))


def only_rate(found: dict[str, Any]) -> float:
    """Return the one learning rate of all of a run's members.

    Raises:
        SettingsError: it was trained at several, of which the analysis that asks could not tell which is meant.
    """
    rates = sorted({member["learning_rate"] for member in found["members"]})
    if len(rates) > 1:
        raise SettingsError(f"tasks.{found['task']}.runs.{found['run']} was trained at {len(rates)} learning rates "
                            f"({', '.join(f'{rate:g}' for rate in rates)}), but an analysis reads it at one; leave one of them.")
    return rates[0]


def scores_of(found: dict[str, Any], metric: str, rate: float | None = None) -> np.ndarray:
    """Return a metric of each member, in order; one that diverged or has none gets the worst.

    Args:
        found: the run's record.
        metric: its name.
        rate: of the members looked at; None for all.
    """
    chosen = [member for member in found["members"] if rate is None or np.isclose(member["learning_rate"], rate)]
    return scores.of_members(chosen, metric)
