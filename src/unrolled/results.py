"""Paths and file formats: the only place that knows where results lie and how they are written.

Formats are JSON, CSV and safetensors, never pickle. Every write goes to a temporary file beside its target, is
flushed to the disk and renamed into place, so that a reader never sees half a file, whenever the writer dies.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

FORMAT = 1

DATA = Path("data")
RESULTS = Path("results")
RUNS = Path(".runs")
REPORT = Path("report")
SOUNDS = "sounds"  # folder within an analysis, and within the report
REFERENCE = Path("reference")
DVC_LOCK = Path("dvc.lock")
STORE = Path("mlflow.db")  # of the dashboard, unless MLFLOW_TRACKING_URI names another


class UserError(Exception):
    """Something the user can mend; its text is one sentence that says what, where and what to do."""


class ResultsError(UserError):
    """A file of results is missing, damaged or of another version."""


@contextlib.contextmanager
def exit_on_user_error() -> Iterator[None]:
    """Turn a `UserError` into one line on standard error and exit status 2; a full disk is one too, and Ctrl-C ends with 130."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted: what had been finished is kept; the same command goes on from there.", file=sys.stderr)
        sys.exit(130)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except FileNotFoundError as error:
        print(f"error: {error.filename} is not there; run `make reproduce`, which makes what is missing.", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"error: the operating system refused a file operation: {error.strerror or error}{where}; "
              "free some space or check the permissions, then run the same command again.", file=sys.stderr)
        sys.exit(2)


def data_folder(name: str) -> Path:
    """Return the folder of one frozen data set."""
    return DATA / name


def task_folder(task: str) -> Path:
    """Return the folder of all trained runs of one task."""
    return RESULTS / "train" / task


def run_file(task: str, run: str) -> Path:
    """Return the path of a run's settings and scores."""
    return task_folder(task) / f"{run}.json"


def recorded_file(task: str, run: str) -> Path:
    """Return the record of a run that was trained once at full scale and is kept in the repository."""
    return REFERENCE / "recorded" / task / f"{run}.json"


def official_file(analysis: str) -> Path:
    """Return what an analysis found on the official data, as kept in the repository."""
    return REFERENCE / "official" / f"{analysis}.json"


def history_file(task: str, run: str) -> Path:
    """Return the path of a run's training curves."""
    return task_folder(task) / f"{run}.csv"


def weights_file(task: str, run: str) -> Path:
    """Return the path of a run's trained weights, stacked over members."""
    return task_folder(task) / f"{run}.safetensors"


def items_file(task: str, run: str) -> Path:
    """Return the path of a run's counts per test item, which a bootstrap over items resamples."""
    return task_folder(task) / f"{run}.items.safetensors"


def seconds_file(task: str) -> Path:
    """Return the path of the seconds each run of a task took; kept apart, since they differ from run to run."""
    return task_folder(task) / "seconds.json"


def analysis_folder(name: str) -> Path:
    """Return the folder of one analysis."""
    return RESULTS / "analyses" / name


def analysis_file(name: str) -> Path:
    """Return the path of an analysis' checks and values."""
    return analysis_folder(name) / "result.json"


def verdicts_file() -> Path:
    """Return the path of the verdicts."""
    return RESULTS / "verdicts.json"


def metrics_file() -> Path:
    """Return the path of the few headline numbers that DVC shows and compares; git keeps it, so that there is something to compare."""
    return Path("metrics.json")


def numbers_file() -> Path:
    """Return the path of mean, spread and count of every test metric of every run, which `make verify` compares."""
    return RESULTS / "numbers.json"


def tuning_file() -> Path:
    """Return the path of the validation scores that the learning rates in tuned.yaml were chosen by."""
    return REFERENCE / "tuning.json"


def stage_seconds_file() -> Path:
    """Return the path of how long each stage of a run of the whole pipeline took, by which the first run elsewhere is planned."""
    return REFERENCE / "stage_seconds.json"


def of_reference(path: Path) -> Path:
    """Return where the reference run's file lies of the name that a file of results has."""
    return REFERENCE / path.name


def confirmed_file() -> Path:
    """Return the path of what became of the verdicts on fresh seeds."""
    return REFERENCE / "confirmed.json"


def rules_file() -> Path:
    """Return the path of every rule that a reference run was judged by, by claim, the oldest first."""
    return REFERENCE / "rules.json"


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write a file whole or not at all: temporary file, fsync, rename, fsync of the folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def replaced_folder(target: Path | str) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `target` when the block ends well, and vanishes when it does not.

    What was there stays until then, and comes back where this process ends between the two renames.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    for ending in ("old.part", "part"):  # left by a process that was killed: each folder has one writer at a time
        for left in target.parent.glob(f".{target.name}-????????.{ending}"):
            if ending == "old.part":
                _put_back(left, target)
            shutil.rmtree(left, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-", suffix=".part"))
    old = partial.with_suffix(".old.part")
    os.chmod(partial, 0o755)
    try:
        yield partial
        if target.exists():
            os.rename(target, old)
        os.rename(partial, target)
        _sync_folder(target.parent)
    finally:
        _put_back(old, target)
        for folder in (partial, old):
            shutil.rmtree(folder, ignore_errors=True)


def _put_back(old: Path, target: Path) -> None:
    """Give a folder its name again that was to be replaced, where nothing has taken its place."""
    if old.exists() and not target.exists():
        os.rename(old, target)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the platform can open folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path | str, value: Any, indent: int | None = 1) -> None:
    """Write JSON atomically, on one line where indent is None; NaN and infinity are an error, since JSON has no word for them."""
    separators = (",", ":") if indent is None else None
    write_text(path, json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, allow_nan=False) + "\n")


def write_csv(path: Path | str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the union of their keys as header, in order of first appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def write_arrays(path: Path | str, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Write named arrays as safetensors, atomically."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_bytes(path, save(contiguous, metadata=dict(metadata or {})))


def read_json(path: Path | str) -> Any:
    """Read JSON.

    Raises:
        ResultsError: the file is missing, or is not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing; run `make reproduce` to make it.") from None
    except ValueError as error:
        raise ResultsError(f"{path} is damaged ({error}); delete it and run `make reproduce` again.") from None


def read_result(path: Path | str) -> dict[str, Any]:
    """Read a result's JSON and check that this version of the code wrote its format.

    Raises:
        ResultsError: missing, damaged, or of another format.
    """
    value = read_json(path)
    found = value.get("format") if isinstance(value, dict) else None
    if found != FORMAT:
        raise ResultsError(f"{path} has format {found!r} where this version reads {FORMAT}; "
                           "run `make clean`, then `make reproduce`.")
    return value


def read_csv(path: Path | str) -> list[dict[str, str]]:
    """Read a CSV file with a header into one mapping per row.

    Raises:
        ResultsError: the file is missing or is not text.
    """
    path = Path(path)
    try:
        return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing; run `make reproduce` to make it.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ResultsError(f"{path} is damaged ({error}); delete it and run `make reproduce` again.") from None


def read_arrays(path: Path | str) -> dict[str, np.ndarray]:
    """Read named arrays.

    Raises:
        ResultsError: the file is missing, or its header or length does not check.
    """
    path = Path(path)
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ResultsError(f"{path} is missing; run `make reproduce` to make it.") from None
    except SafetensorError as error:
        raise ResultsError(f"{path} is damaged ({error}); delete it and run `make reproduce` again.") from None


def bytes_hash(data: bytes) -> str:
    """Return the sha256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_hash(path: Path | str) -> str:
    """Return the sha256 of a file's content in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_hash(folder: Path | str) -> str:
    """Return one hash over the names and contents of all files below `folder`, in name order."""
    folder = Path(folder)
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_hash(path)}\n".encode())
    return digest.hexdigest()
