"""The whole pipeline with two data sets, two tasks and two analyses: ends in half a minute, for tests that run it many times."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import yaml
from conftest import ROOT

from pipelines.sandbox import SOURCES
from unrolled import results, settings

TASKS, ANALYSES, CLAIMS = ("adding", "templates"), ("worked_examples", "repeated_weight"), ("A1", "A2", "C2", "D7", "D8")
CONFIG = "[core]\n    no_scm = True\n[cache]\n    type = copy\n"  # as `dvc init --no-scm` and `dvc config` write it, which take seconds
LEFT_OVER = ("*.part", ".part-*", "live/*.csv", "*.holder")


def make(home: Path) -> Path:
    """Copy the sources and leave little to do in their settings: some fifty members of a tenth of a second each."""
    home.mkdir()
    for name in SOURCES:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, home / name)
    shutil.rmtree(home / "reference")
    (home / results.recorded_file("", "").parent).mkdir(parents=True)
    tree = settings.read_yaml(home / "params.yaml")
    tree["data"]["sets"] = {"cities": {}}
    tree["tasks"] = {name: tree["tasks"][name] for name in TASKS}
    tree["tasks"]["adding"].update(length=10, other_lengths=[], seeds=8, updates=60, members_together=1, stride=20,
                                   runs={"elman": {"cell": "elman"}, "gru": {"cell": "gru"}, "lstm": {"cell": "lstm"}})
    tree["tasks"]["templates"].update(seeds=4, members_together=1, updates=20, epochs=0,
                                      runs={"elman": {"cell": "elman"}, "feed_forward": {"cell": "feed_forward"}})
    tree["analyses"] = {name: tree["analyses"][name] for name in ANALYSES}
    for section in (*tree["tasks"].values(), *tree["analyses"].values()):
        for scale in ("smoke", "full"):
            section.pop(scale, None)
    for task in tree["tasks"].values():
        for run in task["runs"].values():
            run["learning_rates"] = [0.01]
    tree["headlines"] = {"gru": {"run": "adding/gru", "metric": "success"}, "decay_rate": {"analysis": "repeated_weight", "value": "rate"}}
    claims = settings.read_yaml(home / "claims.yaml")
    results.write_text(home / "params.yaml", yaml.safe_dump(tree, sort_keys=False))
    results.write_text(home / "claims.yaml", yaml.safe_dump({name: claims[name] for name in CLAIMS}, sort_keys=False, allow_unicode=True))
    (home / ".dvc").mkdir()
    results.write_text(home / ".dvc" / "config", CONFIG)
    return home


def environment() -> dict[str, str]:
    """Return this process's environment with its Python first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "DVC_NO_ANALYTICS": "1", "MLFLOW_TRACKING_URI": "", "PATH": path}


def start(home: Path, *command: str) -> subprocess.Popen:
    """Start `python -m command`, by default the whole pipeline, in a process group of its own."""
    return subprocess.Popen([sys.executable, "-m", *(command or ("pipelines.reproduce",))], cwd=home, env=environment(),
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def finish(home: Path) -> str:
    """Run the pipeline to its end and return what it printed."""
    process = start(home)
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 0, text
    return text


def outcome(home: Path) -> dict[str, str]:
    """Return the hash of every file that a run leaves and that does not hold seconds or dates."""
    paths = [path for folder in ("data", "results", "report") for path in sorted((home / folder).rglob("*")) if path.is_file()]
    return {str(path.relative_to(home)): results.file_hash(path) for path in paths
            if path.name not in ("seconds.json", "tracked.json") and path.relative_to(home) != Path("report/index.html")}


def mirrored(home: Path) -> dict[str, str]:
    """Return state and hash of results of every run in the MLflow store; of two with one name in an experiment, both."""
    with contextlib.closing(sqlite3.connect(home / "mlflow.db")) as store:
        rows = store.execute("SELECT experiments.name, runs.name, runs.status, tags.value FROM runs "
                             "JOIN experiments USING (experiment_id) LEFT JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = 'result_hash' WHERE runs.lifecycle_stage = 'active'")
        found: dict[str, list[str]] = {}
        for experiment, run, *kept in rows:
            found.setdefault(f"{experiment}/{run}", []).append(" ".join(map(str, kept)))
    return {name: ", ".join(sorted(kept)) for name, kept in found.items()}


def processes(home: Path) -> list[psutil.Process]:
    """Return every process that works in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def left_over(home: Path) -> list[str]:
    """Return what half-done work has left lying about."""
    return sorted(str(path.relative_to(home)) for folder in ("data", "results", "report", ".runs", "mlruns")
                  for pattern in LEFT_OVER for path in (home / folder).rglob(pattern))
