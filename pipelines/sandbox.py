"""The whole pipeline in a copy beside the sources: at toy sizes (`make smoke`) or on fresh seeds (`make confirm`)."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from unrolled import guard, results, settings, values, verifying
from unrolled.data import download

SOURCES = (".dvcignore", "params.yaml", "claims.yaml", "tuned.yaml", "dvc.yaml", "src", "pipelines", "reference")
FRESH_SEEDS = 100_000


def main(purpose: str) -> None:
    """Copy, change the settings, run, and report."""
    with results.exit_on_user_error():
        if purpose not in ("smoke", "confirm"):
            raise settings.SettingsError(f"a sandbox is for smoke or confirm, not {purpose!r}.")
        settings.load()  # which complains of what `change_settings` could not read
        guard.end_on_signals()
        started, folder = time.perf_counter(), Path(f".{purpose}")
        ours = results.read_result(results.verdicts_file()) if purpose == "confirm" else {}  # an hour later is late to miss it
        with guard.lock(purpose):
            make_copy(folder)
            change_settings(folder, purpose)
            _run_pipeline(folder)
            if purpose == "confirm":
                _report_flips(folder, ours)
        print(f"{purpose}: the whole pipeline ran in {time.perf_counter() - started:.0f} s; see {folder / results.REPORT}.")


def make_copy(folder: Path) -> None:
    """Copy the sources into an empty folder; finished members of an earlier copy are kept, they are known by content."""
    keep = folder / results.RUNS
    for entry in folder.iterdir() if folder.exists() else ():
        if entry != keep:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    folder.mkdir(exist_ok=True)
    for name in SOURCES:
        source = Path(name)
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, folder / name)


def share_members(folder: Path) -> None:
    """Let a copy use the finished members of this checkout, and keep its own among them; the checkout may be moved."""
    link = folder / results.RUNS
    if link.is_symlink():  # which may lead nowhere, or to another checkout's
        link.unlink()
    if not link.exists():
        results.RUNS.mkdir(exist_ok=True)
        link.symlink_to(os.path.relpath(results.RUNS, folder))


def mirror_from_elsewhere() -> dict[str, str]:
    """Return the variable that names the mirror folder as it has to read in a copy, where a relative path would lead elsewhere."""
    folder = os.environ.get(download.MIRROR)
    return {download.MIRROR: str(Path(folder).resolve())} if folder else {}


def run_stage(folder: Path, command: str, *arguments: str) -> None:
    """Run a stage's script in a copy; if it fails, say where its message stands and exit."""
    if guard.run_pipeline([sys.executable, "-m", f"pipelines.{command}", *arguments], folder, mirror_from_elsewhere()):
        sys.exit(f"error: pipelines.{command} {' '.join(arguments)} failed in {folder}; its message stands above.")


def change_settings(folder: Path, purpose: str) -> None:
    """Set the copy's scale, or move its seeds away from those of the run and of tuning."""
    path = folder / "params.yaml"
    tree = settings.read_yaml(path)
    if purpose == "confirm":
        tree["seed_offset"] = FRESH_SEEDS
    else:
        tree["scale"] = "smoke"
        for section in tree["tasks"].values():
            section["reads"] = (section.get("smoke") or {}).pop("reads", section["reads"])  # dvc.yaml must see it too
        for name, options in tree["data"]["sets"].items():
            own = values.mapping(options or {}, f"data.sets.{name}")
            tree["data"]["sets"][name] = {**own, **values.mapping(own.get("smoke") or {}, f"data.sets.{name}.smoke")}
    results.write_text(path, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


def _run_pipeline(folder: Path) -> None:
    """Run the pipeline in the copy, apart from any repository around it."""
    environment = {"DVC_NO_ANALYTICS": "1", "MLFLOW_TRACKING_URI": "", **mirror_from_elsewhere()}
    for command in (["dvc", "init", "--quiet", "--no-scm", "--force"], ["pipelines.reproduce"]):
        if guard.run_pipeline([sys.executable, "-m", *command], folder, environment):
            sys.exit(f"error: `{' '.join(command)}` failed in {folder}; its message stands above.")


def _report_flips(folder: Path, ours: Mapping[str, Any]) -> None:
    """Print each claim whose verdict differs on fresh seeds, and keep the list beside the reference, for the report."""
    fresh = results.read_result(folder / results.verdicts_file())
    flips = verifying.flips(ours, fresh)
    judged = {name: entry for name, entry in ours["claims"].items() if entry["verdict"] != "pending"}
    results.write_json(results.confirmed_file(),
                       {"format": results.FORMAT, "seed_offset": FRESH_SEEDS, "flips": flips,
                        "rules": {name: entry["rule_hash"] for name, entry in judged.items()},
                        "verdicts": {name: entry["verdict"] for name, entry in judged.items()}})
    for flip in flips:
        print(flip["sentence"])
    print(f"confirm: {len(flips)} verdicts flip on fresh seeds.")


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["?"])
