"""What a trained member is known by: a hash over everything that its numbers depend on.

Code counts by its syntax tree, without comments and docstrings, and only the files that the run goes through: an edit of lstm.py
changes the keys of LSTM runs and of no others. settings.py is not among them, since the resolved values themselves are.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib
import importlib.metadata
import inspect
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from unrolled import batches, models, training
from unrolled.cells import CELLS
from unrolled.cells import base as cells_base
from unrolled.cells import sweep as cells_sweep
from unrolled.models import MODELS, compiled, parts
from unrolled.results import bytes_hash, file_hash, folder_hash, read_arrays
from unrolled.settings import Run
from unrolled.tasks import TASKS
from unrolled.tasks import base as tasks_base

# Whose modules count for the cells, models and tasks that import them, and of which of these what they import counts in turn. What data
# sets import does not: how something is fetched changes nothing that is not seen in the frozen data.
HELPERS = ("unrolled.cells.", "unrolled.models.", "unrolled.data.", "unrolled.tasks.", "unrolled.retrieval")
FOLLOWED = ("unrolled.cells.", "unrolled.models.")
CARD = "card.json"  # origin, licence and flaws of a data set, in words
EXACT = ("starts", "ends", "lengths", "words", "labels")  # arrays of whole numbers that no processor computes
# Settings that decide how the work is cut up or shown, never what comes out.
NOT_IN_KEY = ("task", "name", "seeds", "first_seed", "learning_rates", "members_together")


@cache
def code_hash(path: str) -> str:
    """Return a hash of a source file's syntax tree without docstrings."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _helpers(cls: type) -> set[ModuleType]:
    """Return the modules of `HELPERS` that a class's own file imports, as a whole or something of, and what those of `FOLLOWED` import."""
    found: set[ModuleType] = set()
    due = [inspect.getmodule(cls)]
    while due:
        fresh = {module for module in _imported(due.pop()) if module.__name__.startswith(HELPERS)} - found
        found |= fresh
        due += [module for module in fresh if module.__name__.startswith(FOLLOWED)]
    return found


def _imported(module: ModuleType) -> set[ModuleType]:
    """Return the modules that a module names, or of which it names a class, function or constant, inside of functions too."""
    names = [value for name, value in vars(module).items() if not name.startswith("__")]  # a compiler puts such beside what it translates
    used = {inspect.getmodule(value) for value in names if inspect.ismodule(value) or inspect.isfunction(value) or inspect.isclass(value)}
    return {found for found in used if found is not None} | _taken_from(module)


@cache
def _taken_from(module: ModuleType) -> frozenset[ModuleType]:
    """Return the modules that the import statements of a module name; only these tell where a constant comes from."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except OSError:  # written nowhere
        return frozenset()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(HELPERS):
            source = importlib.import_module(node.module)
            found |= {source, *(_module_of(source, alias.name) for alias in node.names)}
    return frozenset(found)


def _module_of(package: ModuleType, name: str) -> ModuleType:
    """Return the module that `from package import name` means, imported already or not; the package for any other name."""
    if not hasattr(package, name):
        return importlib.import_module(f"{package.__name__}.{name}")
    value = getattr(package, name)
    return value if inspect.ismodule(value) else package


def run_code(run: Run) -> dict[str, str]:
    """Return the hash of each source file that a run goes through, by its name in the package."""
    lines = (CELLS[run.cell].__mro__, MODELS[run.model].__mro__, TASKS[run.kind].__mro__)
    classes = [cls for line in lines for cls in line if cls.__module__.startswith("unrolled")]
    helpers = {module for cls in classes for module in _helpers(cls)}
    shared = [cells_base, cells_sweep, models, parts, tasks_base, batches, training, *([compiled] if run.path == "compiled" else [])]
    paths = {inspect.getfile(item) for item in (*classes, *helpers, *shared)}
    package = Path(training.__file__).parent
    return {Path(path).relative_to(package).as_posix(): code_hash(path) for path in sorted(paths)}


def code_of(run: Run) -> str:
    """Return a hash of all source files that a run goes through, which its record keeps."""
    return bytes_hash(json.dumps(run_code(run), sort_keys=True).encode())[:16]


@cache
def data_hash(reads: str) -> str:
    """Return a hash of a run's frozen data; a task that is generated reads its own source, which `run_code` covers."""
    return folder_hash(reads) if Path(reads).is_dir() else ""


@cache
def data_outline(reads: str) -> str:
    """Return a hash of a run's frozen data but for the last digits of what was computed: another processor makes others.

    Texts, times and labels count as they are; sounds, features and images by their shape and the first three digits of their mean size;
    what the data's card says not at all.
    """
    if not Path(reads).is_dir():
        return ""
    files = sorted(path for path in Path(reads).rglob("*") if path.is_file() and path.name != CARD)
    parts = [(path.relative_to(reads).as_posix(), _array_outlines(path) if path.suffix == ".safetensors" else file_hash(path))
             for path in files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _array_outlines(path: Path) -> list[tuple[str, str, list[int], str]]:
    arrays = sorted(read_arrays(path).items())
    return [(name, values.dtype.name, list(values.shape), bytes_hash(values.tobytes()) if name in EXACT
             else f"{np.abs(values, dtype=float).mean() if values.size else 0:.2e}") for name, values in arrays]


def run_hash(run: Run, reads: str, device: str) -> str:
    """Return the hash of all that a run's members have in common."""
    return _hashed(run, {"data": data_hash(reads), "device": device})


def tuned_for(run: Run, reads: str) -> str:
    """Return the hash of all that a learning rate is chosen for: that of a run on whatever device and processor."""
    return _hashed(run, {"data": data_outline(reads)})


def _hashed(run: Run, more: Mapping[str, str]) -> str:
    settings = {key: value for key, value in dataclasses.asdict(run).items() if key not in NOT_IN_KEY}
    parts = {"settings": settings, **more,
             **{name: importlib.metadata.version(name) for name in ("torch", "numpy")},  # batches are drawn by NumPy
             "code": run_code(run)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def member_key(common: str, seed: int, rate: float) -> str:
    """Return one member's key."""
    return hashlib.sha256(f"{common} {seed} {rate!r}".encode()).hexdigest()[:32]
