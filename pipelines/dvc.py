"""DVC as `make reproduce` calls it: `python -m pipelines.dvc repro`. It does what `dvc` does, but faster, and a kill does it no harm.

DVC itself reads params.yaml anew for every stage, and goes through all of it for every setting that a stage names: with dozens of stages
that is most of the time that it needs to find nothing to do. It notes in dvc.lock what each stage was made from, and in .dvc/tmp/rwlock
which process reads or writes what; it writes both in place, so that a kill can leave half of one, and then refuses every further run.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

import dpath
import dvc.logger
import psutil
from dvc import rwlock
from dvc.cli import main as call
from dvc.dvcfile import Lockfile
from dvc.utils.serialize import YAMLFileCorruptedError, _common, _yaml
from dvc.utils.strictyaml import YAMLValidationError

from unrolled import guard

TEMPORARY = Path(".dvc", "tmp")
SET_ASIDE = TEMPORARY / "dvc.lock.damaged"


def read_once() -> None:
    """Keep what a YAML file of settings was read as, by its text; nothing of DVC changes what it has read."""
    _yaml.parse_yaml = functools.cache(_yaml.parse_yaml)


def straight(search: Callable[..., Any]) -> Callable[..., Any]:
    """Return `dpath.get` that goes straight to a path of plain names, and leaves all else, as patterns, to `search`."""

    @functools.wraps(search)
    def get(tree: Mapping[str, Any], path: str, **options: Any) -> Any:
        found: Any = tree
        for name in path.split(options.get("separator", "/")):
            if not isinstance(found, Mapping) or name not in found:
                return search(tree, path, **options)
            found = found[name]
        return found

    return get


def say_errors() -> None:
    """Let `--quiet` silence all but errors: else DVC would end without a word where a file of its own cannot be read."""
    change = dvc.logger.set_loggers_level
    dvc.logger.set_loggers_level = lambda level: change(min(level, logging.ERROR))


def write_whole(dump: Callable[..., None]) -> Callable[..., None]:
    """Return DVC's way of writing YAML, `dump`, that writes beside the place and moves there what is whole."""

    def dump_whole(path: str, data: Any, **options: Any) -> None:
        beside = str(TEMPORARY.resolve() / f"{os.path.basename(path)}.part")  # what a kill left there is written over: DVC's lock is held
        dump(beside, data, **options)
        os.replace(beside, path)

    return dump_whole


def read_damaged(load: Callable[..., tuple[Any, str]]) -> Callable[..., tuple[Any, str]]:
    """Return DVC's way of reading dvc.lock, `load`, that sets a damaged one aside and goes on without: stages are then done anew."""

    def load_whole(lockfile: Lockfile, **options: Any) -> tuple[Any, str]:
        try:
            return load(lockfile, **options)
        except (YAMLFileCorruptedError, YAMLValidationError):
            os.replace(lockfile.path, SET_ASIDE)
            print(f"{lockfile.relpath} is damaged, as by a kill of `dvc`; it is now {SET_ASIDE}, and every stage is done anew.", flush=True)
            return {}, ""

    return load_whole


def users(file: TextIO) -> dict[str, Any]:
    """Read which process uses what; where that was cut short, nobody."""
    try:
        return json.load(file)
    except json.JSONDecodeError:
        return {}


def is_dvc(number: int) -> bool:
    """Say whether a process still runs and is a DVC: the number of one that was killed soon belongs to another, or stays with a zombie."""
    try:
        process = psutil.Process(number)
        return process.status() != psutil.STATUS_ZOMBIE and guard.is_dvc(process)
    except psutil.Error:
        return False


def main(arguments: Sequence[str]) -> int:
    """Run a command of DVC; return its exit status."""
    read_once()
    say_errors()
    dpath.get = straight(dpath.get)
    _common._dump_data = write_whole(_common._dump_data)
    rwlock.psutil = SimpleNamespace(pid_exists=is_dvc)
    rwlock.json = SimpleNamespace(**{**vars(json), "load": users})
    if "--dry" not in arguments:  # who only asks changes nothing
        Lockfile._load = read_damaged(Lockfile._load)
    return call(list(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
