"""params.yaml -> frozen dataclasses; the only place that opens params.yaml and tuned.yaml.

A run's settings are resolved here once and for all: `defaults` < its section < the run's own line < the section's
block for the chosen scale < the run's line in that block. What a section says beyond the fields below are options of its task and of its
runs' cells; `unrolled.catalogue` holds those against the registered classes. Every complaint is one sentence with the path of the key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrolled.strict_yaml import read_yaml as read_yaml
from unrolled.values import SCALES, SettingsError, annotations_of, check_keys, checked_value, mapping
from unrolled.values import nearest as nearest  # passed on to those who import it with the errors


@dataclasses.dataclass(frozen=True)
class Run:
    """One cell variant on one task, fully resolved; its members are its seeds times its learning rates."""

    task: str
    name: str
    kind: str
    cell: str
    hidden: int
    seeds: int
    batch: int
    model: str = "reader"
    layers: int = 1
    bidirectional: bool = False
    feedback: str = "own"
    embedding: int = 0
    window: int = 0
    dropout: float = 0.0
    path: str = "loop"
    updates: int = 0
    epochs: int = 0
    optimizer: str = "adam"
    schedule: str = "constant"
    clip_by: str = "norm"
    clip_at: float = 1.0
    learning_rates: tuple[float, ...] = ()
    first_seed: int = 0
    stride: int = 20
    evaluate_every: int = 200
    stop_below: float = 0.0
    members_together: int = 10
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class TaskSection:
    """One section of `tasks`: the runs of one task, and the file or folder whose change makes them stale.

    Attributes:
        elsewhere: names of runs that other scales have, whose tuned rates stay.
        finalist_seeds: on how many seeds more the two best learning rates of the grid are held against each other. lower_of_alike: whether
            the lower is taken where their seeds cannot tell them apart, and not the better in the mean.
    """

    name: str
    kind: str
    reads: str
    runs: Mapping[str, Run]
    purpose: str = ""
    elsewhere: tuple[str, ...] = ()
    finalist_seeds: int = 0
    lower_of_alike: bool = False


@dataclasses.dataclass(frozen=True)
class AnalysisSection:
    """One section of `analyses`: its options, and the results it reads."""

    name: str
    reads: str
    options: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Where data come from, and which sets are frozen, with their options.

    What `make smoke` puts in place of some is left out: a scale changes nothing here, since what is frozen would not follow it.
    """

    source: str
    sets: Mapping[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class TuningSettings:
    """The grid of learning rates, and the seeds it is judged on (disjoint from every run's own).

    Attributes:
        further_rates: rates beyond the grid, each tried by a run for which the rate before it is the best so far.
    """

    learning_rates: tuple[float, ...]
    seeds: int
    first_seed: int
    further_rates: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class RaySettings:
    """Which cluster `engine: ray` spreads jobs over, the share of a GPU each takes, and how often a lost one is handed out again."""

    address: str = ""
    gpus_per_job: float = 0.0
    retries: int = 3


@dataclasses.dataclass(frozen=True)
class Settings:
    """All of params.yaml.

    Attributes:
        engine: where jobs are done, see `unrolled.engines`.
        headlines: the few numbers that DVC shows, each a run with a metric or an analysis with a value, by name.
    """

    scale: str
    device: str
    workers: int
    seed_offset: int
    data: DataSettings
    tasks: Mapping[str, TaskSection]
    analyses: Mapping[str, AnalysisSection]
    tuning: TuningSettings
    headlines: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    engine: str = "local"
    ray: RaySettings = dataclasses.field(default_factory=RaySettings)


def load(path: str | Path = "params.yaml") -> Settings:
    """Read and check params.yaml.

    Raises:
        SettingsError: the file is missing, is not YAML, or holds an unknown, missing or impossible setting.
    """
    return parse(read_yaml(path))


def parse(tree: Mapping[str, Any]) -> Settings:
    """Turn params.yaml's mapping into `Settings`.

    Raises:
        SettingsError: as `load`.
    """
    required = ("scale", "device", "workers", "seed_offset", "data", "defaults", "tasks", "analyses", "tuning")
    check_keys(tree, (*required, "headlines", "engine", "ray"), required, where="")
    scale = checked_value(tree["scale"], str, "scale")
    defaults = mapping(tree["defaults"], "defaults")
    _check_run_fields(defaults, "defaults")
    seed_offset = checked_value(tree["seed_offset"], int, "seed_offset")
    tasks = {name: _task(name, mapping(section, f"tasks.{name}"), defaults, scale, seed_offset)
             for name, section in mapping(tree["tasks"], "tasks").items()}
    analyses = {name: analysis_section(name, mapping(section, f"analyses.{name}"), scale, seed_offset)
                for name, section in mapping(tree["analyses"], "analyses").items()}
    data = mapping(tree["data"], "data")
    check_keys(data, ("source", "sets"), ("source", "sets"), "data")
    sets = {name: {key: found for key, found in mapping(value or {}, f"data.sets.{name}").items() if key != "smoke"}
            for name, value in mapping(data["sets"], "data.sets").items()}
    settings = Settings(
        scale, checked_value(tree["device"], str, "device"), checked_value(tree["workers"], int, "workers"),
        seed_offset,
        DataSettings(checked_value(data["source"], str, "data.source", "source"), sets), tasks, analyses,
        _build(TuningSettings, mapping(tree["tuning"], "tuning"), "tuning"),
        {name: _headline(name, reference) for name, reference in mapping(tree.get("headlines") or {}, "headlines").items()},
        checked_value(tree.get("engine", "local"), str, "engine"), _build(RaySettings, mapping(tree.get("ray") or {}, "ray"), "ray"))
    _check_rates(settings.tuning)
    _check_seeds(settings)
    return settings


def _task(name: str, section: Mapping[str, Any], defaults: Mapping[str, Any], scale: str, seed_offset: int) -> TaskSection:
    """Resolve one section of `tasks` into its runs."""
    where = f"tasks.{name}"
    own = {key: value for key, value in section.items() if key not in SCALES}
    block = mapping(section.get(scale) or {}, f"{where}.{scale}")
    for key in ("kind", "reads", "runs"):
        if key not in own:
            raise SettingsError(f"{where}.{key} is missing; every task section needs it.")
    own.pop("runs")
    further = mapping(block.get("runs") or {}, f"{where}.{scale}.runs")
    forced = {key: value for key, value in block.items() if key not in ("runs", "reads")}
    _check_run_fields(own, where)
    _check_run_fields(forced, f"{where}.{scale}")
    reads = checked_value({**own, **block}["reads"], str, f"{where}.reads")
    purpose = str(own.pop("purpose", ""))
    own.pop("reads")
    for shared in (own, forced):
        shared.pop("other_lengths", None)
    most_seeds = checked_value(forced.pop("other_seeds", own.pop("other_seeds", 1000)), int, f"{where}.other_seeds", "seeds")
    finalist_seeds = checked_value(forced.pop("finalist_seeds", own.pop("finalist_seeds", 0)), int, f"{where}.finalist_seeds")
    lower_of_alike = checked_value(own.pop("lower_of_alike", False), bool, f"{where}.lower_of_alike")
    lines, repeated = _lines_at(section, scale, where)
    runs = {}
    for run, line in {**lines, **repeated}.items():
        place = f"{where}.runs.{run}"
        given = mapping(line or {}, place)
        merged = {**defaults, **own, **given}
        stands = mapping(further.get(run) or {}, f"{where}.{scale}.runs.{run}")  # what a scale says of one run
        if run in repeated:
            stands = {"length": given["length"]}
            if isinstance(merged.get("seeds"), int) and merged["seeds"] > most_seeds:
                merged["seeds"] = most_seeds
        runs[run] = _run(name, run, {**merged, **forced, **stands}, place, seed_offset)
    named = (found for other in SCALES for found in _lines_at(section, other, where))
    elsewhere = sorted(set().union(*named) - set(runs), key=str)  # a name may be a number, of which others complain
    return TaskSection(name, checked_value(own["kind"], str, f"{where}.kind"), reads, runs, purpose, tuple(elsewhere), finalist_seeds,
                       lower_of_alike)


def _lines_at(section: Mapping[str, Any], scale: str, where: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the lines of a section's runs at a scale by name, with what that scale adds to them, and those repeated at other lengths."""
    lines, block = dict(mapping(section["runs"], f"{where}.runs")), mapping(section.get(scale) or {}, f"{where}.{scale}")
    for name, line in mapping(block.get("runs") or {}, f"{where}.{scale}.runs").items():
        lines[name] = {**mapping(lines.get(name) or {}, f"{where}.runs.{name}"), **mapping(line or {}, f"{where}.{scale}.runs.{name}")}
    lengths = block.get("other_lengths", section.get("other_lengths", []))
    return lines, _at_other_lengths(lines, checked_value(lengths, tuple[int, ...], f"{where}.other_lengths", "length"), where)


def _at_other_lengths(lines: Mapping[str, Any], lengths: tuple[int, ...], where: str) -> dict[str, dict[str, Any]]:
    """Repeat each run that names no length of its own at every other length, as <run>_<length>; a line of that name stands.

    Raises:
        SettingsError: such a line has another length, so that nothing would be trained at this one.
    """
    repeated = {}
    for name, line in lines.items():
        if not isinstance(line, Mapping) or "length" in line:
            continue
        for length in lengths:
            other = f"{name}_{length}"
            stands = lines.get(other)
            if isinstance(stands, Mapping) and stands.get("length", length) != length:
                raise SettingsError(f"{where}.runs.{other} has a length of {stands['length']}, but its name is that of {name} at length "
                                    f"{length}; give it another name.")
            if other not in lines:
                repeated[other] = {**line, "length": length}
    return repeated


def _check_run_fields(tree: Mapping[str, Any], where: str) -> None:
    """Check values that runs share where they stand, so that a complaint names that place and not a run that took them over."""
    hints = annotations_of(Run)
    for key, value in tree.items():
        if key in hints and key not in ("task", "name", "options"):
            checked_value(value, hints[key], f"{where}.{key}", key)


def _run(task: str, name: str, merged: Mapping[str, Any], where: str, seed_offset: int) -> Run:
    """Build one run; keys that are no fields of `Run` become options of its task or cell."""
    fields = {field.name for field in dataclasses.fields(Run)} - {"task", "name", "options"}
    own = {key: value for key, value in merged.items() if key in fields}
    options = {key: value for key, value in merged.items() if key not in fields}
    if "cell" not in own:
        raise SettingsError(f"{where}.cell is missing; name the recurrent cell of this run.")
    run = _build(Run, {"task": task, "name": name, **own}, where, options=options)
    if bool(run.updates) == bool(run.epochs):
        raise SettingsError(f"{where} must give either updates or epochs (one of them above 0), "
                            f"but has updates={run.updates} and epochs={run.epochs}.")
    if run.evaluate_every % run.stride:
        raise SettingsError(f"{where}.evaluate_every is {run.evaluate_every}, but is looked at after every stride of {run.stride} updates "
                            "alone; make it a multiple of that.")
    return dataclasses.replace(run, first_seed=run.first_seed + seed_offset)


def analysis_section(name: str, section: Mapping[str, Any], scale: str, seed_offset: int) -> AnalysisSection:
    """Resolve one section of `analyses` for a scale; a `SettingsError` says what is wrong with it."""
    where = f"analyses.{name}"
    if "reads" not in section:
        raise SettingsError(f"{where}.reads is missing; name the results it reads (or src/unrolled/cells).")
    options = {key: value for key, value in section.items() if key not in (*SCALES, "reads")}
    options.update(mapping(section.get(scale) or {}, f"{where}.{scale}"))
    if isinstance(options.get("first_seed"), int):
        options["first_seed"] += seed_offset
    return AnalysisSection(name, checked_value(section["reads"], str, f"{where}.reads"), options)


def _headline(name: str, reference: Any) -> Mapping[str, str]:
    """Check one of the numbers that DVC shows: it names where it is found, in one of the two ways that claims do."""
    where = f"headlines.{name}"
    known = ("analysis", "value") if "analysis" in mapping(reference, where) else ("run", "metric")
    check_keys(reference, known, known, where)
    return {key: checked_value(value, str, f"{where}.{key}") for key, value in reference.items()}


def _build(cls: type, tree: Mapping[str, Any], where: str, **extra: Any) -> Any:
    """Make a dataclass of a mapping, each value checked by its field's annotation."""
    annotations = annotations_of(cls)
    fields = [field for field in dataclasses.fields(cls) if field.name not in extra]
    required = [field.name for field in fields
                if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING]
    check_keys(tree, [field.name for field in fields], required, where)
    values = {key: checked_value(value, annotations[key], f"{where}.{key}", key) for key, value in tree.items()}
    return cls(**values, **extra)


def _check_rates(tuning: TuningSettings) -> None:
    if not tuning.learning_rates:
        raise SettingsError("tuning.learning_rates is empty; give one learning rate at least.")
    for rate in tuning.further_rates:
        if min(tuning.learning_rates) <= rate <= max(tuning.learning_rates):
            raise SettingsError(f"tuning.further_rates: {rate:g} must lie below or above tuning.learning_rates, which reach from "
                                f"{min(tuning.learning_rates):g} to {max(tuning.learning_rates):g}.")


def _check_seeds(settings: Settings) -> None:
    """Tuning seeds must not be seen again by any run, or its rates would be chosen on the seeds they are judged on."""
    most = settings.tuning.seeds + max((section.finalist_seeds for section in settings.tasks.values()), default=0)
    tuning = range(settings.tuning.first_seed, settings.tuning.first_seed + most)
    for section in settings.tasks.values():
        for run in section.runs.values():
            seeds = range(run.first_seed, run.first_seed + run.seeds)
            if seeds.start < tuning.stop and tuning.start < seeds.stop:
                raise SettingsError(
                    f"tasks.{run.task}.runs.{run.name} uses seeds {seeds.start} to {seeds.stop - 1}, which meet the seeds "
                    f"{tuning.start} to {tuning.stop - 1} of tuning; move tuning.first_seed or the run's first_seed.")
