"""tuned.yaml: the learning rate of each run, chosen on validation data by `make tune`; and the scores it was chosen by.

The scores lie apart: DVC copies what a training reads of tuned.yaml into dvc.lock, and writes that anew after every stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from unrolled import results
from unrolled.settings import Run, SettingsError, read_yaml

HEADER = """# Written by `make tune`; do not edit by hand. The learning rate of each run, chosen on validation data from one grid with equal
# budget (and beyond it where an end of it is the best), on seeds that no run is judged on: reference/tuning.json has the scores.
# `code` is the hash of settings and code the choice was made with.
"""
Entries = Mapping[str, Mapping[str, Any]]  # task -> run -> entry


def load(path: str | Path = "tuned.yaml") -> dict[str, dict[str, Any]]:
    """Return the entries: task -> run -> entry; empty where the file is missing.

    Raises:
        SettingsError: a section is no mapping of runs.
    """
    found = read_yaml(path) if Path(path).exists() else {}
    for task, runs in found.items():
        if not isinstance(runs, dict):
            raise SettingsError(f"{path}: {task} must be a mapping of runs to their rates, but is {runs!r}; run `make tune` to mend it.")
    return found


def load_evidence(path: str | Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the scores behind the entries: task -> run -> {metric, higher_is_better, scores, seeds}; empty where there are none."""
    path = Path(path or results.tuning_file())
    return results.read_result(path)["runs"] if path.exists() else {}


def save(entries: Entries, evidence: Entries) -> None:
    """Write the entries and the evidence for them, each file whole or not at all, in a fixed order."""
    kept = {task: {run: evidence[task][run] for run in sorted(runs) if run in evidence.get(task, {})}
            for task, runs in sorted(entries.items())}
    results.write_json(results.tuning_file(), {"format": results.FORMAT, "runs": kept})
    ordered = {task: dict(sorted(runs.items())) for task, runs in sorted(entries.items())}
    results.write_text("tuned.yaml",
                       HEADER + yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None))


def entry(entries: Entries, run: Run) -> Mapping[str, Any]:
    """Return a run's entry, its learning rate as a float.

    Raises:
        SettingsError: there is none, or it holds no learning rate above 0.
    """
    found = (entries.get(run.task) or {}).get(run.name)
    if found is None:
        raise SettingsError(f"tuned.yaml has no learning rate for tasks.{run.task}.runs.{run.name}; run `make tune` "
                            "(it tunes what is missing), or give the run learning_rates of its own.")
    where = f"tuned.yaml: {run.task}.{run.name}"
    if not isinstance(found, Mapping):
        raise SettingsError(f"{where} must be a mapping with a learning_rate, but is {found!r}; run `make tune` to write it anew.")
    rate = rate_of(found)
    if rate is None:
        raise SettingsError(f"{where}.learning_rate must be a number above 0, but is {found.get('learning_rate')!r}; "
                            "run `make tune` to write it anew.")
    return {**found, "learning_rate": rate}


def rate_of(found: Any) -> float | None:
    """Return the learning rate that an entry holds, None where the entry is no mapping or its rate no number above 0."""
    rate = found.get("learning_rate") if isinstance(found, Mapping) else None
    is_number = isinstance(rate, int | float) and not isinstance(rate, bool)
    return float(rate) if is_number and 0 < rate < float("inf") else None
