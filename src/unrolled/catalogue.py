"""Holds settings against what is registered: cells, tasks, models and the options each of them takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unrolled import models, results, values
from unrolled.batches import Sizes
from unrolled.cells import CELLS
from unrolled.cells.base import Generators
from unrolled.models import MODELS
from unrolled.models.compiled import compile_steps
from unrolled.settings import Run, Settings, SettingsError, checked_value, nearest
from unrolled.tasks import TASKS, Task
from unrolled.tasks.audio_words import AudioWords

# Of sections and runs, whose files are named after them; two "_" part the names of a training's section, run and seed.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*(_[A-Za-z0-9-]+)*")
TAKEN = results.seconds_file("").stem  # by a file that lies among those of a section's runs
WRITERS = ("encoder_decoder", "hierarchical")  # models that read words and write symbols until they stop


def options_of(cls: type) -> dict[str, Any]:
    """Return the keyword options of a task or cell with their types, those that the library itself gives left out."""
    return values.options_of(cls, ("outputs", "output_activation"))


def check(settings: Settings) -> None:
    """Check every name and option of every run, before anything runs; neither tasks nor models are built, see `check_generated`.

    Raises:
        SettingsError: a name that files cannot bear, an unknown task, cell, model or option, an option of the wrong type, a value that
            the cell refuses, or epochs of a task that has no end.
    """
    for section in settings.tasks.values():
        where = f"tasks.{section.name}"
        _check_name(section.name, "tasks")
        _known(section.kind, TASKS, f"{where}.kind")
        for run in section.runs.values():
            place = f"{where}.runs.{run.name}"
            _check_name(run.name, f"{where}.runs")
            if run.name == TAKEN:
                raise SettingsError(f"{place}: call the run something else, since {TAKEN}.json holds how long each run took.")
            _known(run.cell, CELLS, f"{place}.cell")
            _known(run.model, MODELS, f"{place}.model")
            _check_options(run, place)
            _check_model(run, place)
            check_cell(run.cell, run.hidden, cell_options(run), place)
            if run.path == "compiled" and run.feedback == "scheduled":
                raise SettingsError(f"{place} has path: compiled and feedback: scheduled, whose share of own answers changes at every "
                                    "update, so that each would be compiled anew; set path: loop.")
            if run.epochs and TASKS[run.kind].updates_per_epoch is Task.updates_per_epoch:
                raise SettingsError(f"{place} has epochs={run.epochs}, but task {run.kind} draws its data without end; give updates, and "
                                    "epochs: 0.")


def check_generated(settings: Settings) -> None:
    """Build the task and the model of every run whose section reads a source file, that is whose data are made and not frozen.

    Each task is built once with the same options, and so is each model with the same options for inputs and answers of the same sizes.
    What the tasks and models of frozen data refuse is said where they are built, once their data are there.

    Raises:
        SettingsError: the task or the model refuses an option's value.
    """
    sizes: dict[str, Sizes] = {}
    built = set()
    for section in settings.tasks.values():
        for run in section.runs.values() if Path(section.reads).suffix == ".py" else ():
            asked = repr((run.kind, sorted(task_options(run).items())))
            if asked not in sizes:
                sizes[asked] = make_task(run, section.reads).sizes
            others = {key: value for key, value in run.options.items() if key not in task_options(run)}
            wanted = repr((sizes[asked], sorted(others.items()),
                           [getattr(run, name) for name in ("cell", "hidden", "model", *models.SHARED)]))
            if wanted not in built:
                built.add(wanted)
                make_model(run, sizes[asked], [torch.Generator()], is_trained=False)


def _check_name(name: Any, where: str) -> None:
    """Check that files can bear a name."""
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise SettingsError(f"{where} has the name {name!r}; files are named after it, so that it must begin with a letter and may hold "
                            "letters without accents, digits, '-', and between them single '_'.")


def _known(name: str, registry: Iterable[str], where: str) -> None:
    if name not in registry:
        raise SettingsError(f"{where} is {name!r}, which is not registered{nearest(name, registry)}")


def _check_options(run: Run, where: str) -> None:
    """Check a run's options: each must be its task's, its cell's or its model's."""
    known = {**options_of(TASKS[run.kind]), **options_of(CELLS[run.cell]), **models.options_of(run.model)}
    fields = [name for name in Run.__dataclass_fields__ if name not in ("task", "name", "options")]
    for key in run.options:
        if key not in known:
            raise SettingsError(f"{where}.{key} is no setting of a run, of task {run.kind}, of cell {run.cell} or of model {run.model}"
                                f"{nearest(key, [*fields, *known])}")
    _checked(run.options, known, where)


def _check_model(run: Run, where: str) -> None:
    """Check that a model of spoken words answers a task of spoken words, with a loss for what it writes: shapes alone do not tell."""
    asks, answers = issubclass(TASKS[run.kind], AudioWords), run.model == "audio_autoencoder"
    if asks != answers:
        raise SettingsError(f"{where} has model: {run.model} for task {run.kind}; audio_words takes model: audio_autoencoder, which is for "
                            "no other task.")
    vectors_alone = run.options.get("objective") == "contrastive", run.options.get("decoder_input") == "none"
    if asks and any(vectors_alone) and not all(vectors_alone):
        raise SettingsError(f"{where} has one of objective: contrastive and decoder_input: none; the one compares vectors, the other "
                            "writes nothing else, so that they go together.")


def check_cell(cell: str, hidden: int, options: Mapping[str, Any], where: str) -> None:
    """Check a cell and its options, and build it for inputs of one number, to see whether it takes them.

    Args:
        cell: its registered name.
        hidden: its width.
        options: its own, by name.
        where: it stands in params.yaml, for the error.

    Raises:
        SettingsError: the cell or an option is unknown, an option has the wrong type, or the cell refuses its value.
    """
    _known(checked_value(cell, str, f"{where}.cell"), CELLS, f"{where}.cell")
    known = options_of(CELLS[cell])
    for key in options:
        if key not in known:
            raise SettingsError(f"{where}.{key} is no option of cell {cell}{nearest(key, known)}")
    read_out = {"outputs": 1} if CELLS[cell].reads_out else {}
    try:
        CELLS[cell](1, hidden, [torch.Generator()], **_checked(options, known, where), **read_out)
    except (ValueError, KeyError) as error:
        raise SettingsError(f"{where}: cell {cell} refuses {_reason(error)}") from None


def _checked(options: Mapping[str, Any], known: Mapping[str, Any], where: str) -> dict[str, Any]:
    return {key: checked_value(value, known[key], f"{where}.{key}", key) for key, value in options.items()}


def _reason(error: Exception) -> str:
    """Return what a constructor says; a KeyError only says which choice it does not know."""
    return f"{error.args[0]!r}, which it does not know." if isinstance(error, KeyError) else f"its options: {error}"


def cell_options(run: Run) -> dict[str, Any]:
    """Return those options of a run that are its cell's."""
    return _select(run.options, options_of(CELLS[run.cell]))


def task_options(run: Run) -> dict[str, Any]:
    """Return those options of a run that are its task's."""
    return _select(run.options, options_of(TASKS[run.kind]))


def _select(options: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key in known}


def make_model(run: Run, sizes: Sizes, generators: Generators, *, is_trained: bool = True) -> nn.Module:
    """Return the untrained model of a run, one member per generator.

    Args:
        run, sizes, generators: of what.
        is_trained: whether it will be. Only then are its steps compiled where the run says so, which takes longer than to go through a
            few batches.

    Raises:
        SettingsError: the cell or the model refuses an option's value, or it writes symbols where the task asks for none.
    """
    if run.model in WRITERS and not (sizes.vocabulary and sizes.cap):
        raise SettingsError(f"tasks.{run.task}.runs.{run.name}: model {run.model} reads words and writes an answer of any length, for "
                            f"which task {run.kind} does not ask.")
    try:
        model = models.build(run, cell_options(run), sizes, generators)
    except ValueError as error:
        raise SettingsError(f"tasks.{run.task}.runs.{run.name}: {error}") from None
    return compile_steps(model) if is_trained and run.path == "compiled" else model


def make_task(run: Run, reads: str, **extra: Any) -> Task:
    """Return the task of a run.

    Args:
        run: the run.
        reads: folder of its frozen data, or whatever its section reads.
        extra: options that take the place of the run's own.

    Raises:
        SettingsError: the task refuses an option's value.
    """
    try:
        return TASKS[run.kind](Path(reads), **{**task_options(run), **extra})
    except ValueError as error:
        raise SettingsError(f"tasks.{run.task}.runs.{run.name}: {error}") from None
