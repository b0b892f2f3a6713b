"""Where the numbers behind a claim are looked up: per-seed scores of a run, or values of an analysis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unrolled import results, scores
from unrolled.settings import Settings
from unrolled.significance import Ratio
from unrolled.values import closest

# Metrics that are the mean of a score over test items, and the name of that score.
MEANS = {"exact_match": "exact", "exact": "exact", "exact_swapped": "exact", "begun_right": "begun_right", "ended": "ended",
         "length_error": "length_error", "accuracy": "right"}
# Metrics whose test items hang together, two in a row, a document and its swapped one: what counts of the two.
PAIRED = {"exact": np.mean, "exact_swapped": np.min}
Counts = Mapping[str, np.ndarray]


def _chunks(counts: Counts, metric: str) -> tuple[np.ndarray, ...]:
    return 2.0 * counts["correct"], counts["predicted"], counts["gold"]


def _words(counts: Counts, metric: str) -> tuple[np.ndarray, ...]:
    return counts[metric].astype(float), counts[f"{metric}_words"]


def _characters(counts: Counts, metric: str) -> tuple[np.ndarray, ...]:
    return counts["nats"] / math.log(2), np.broadcast_to(counts["characters"], counts["nats"].shape)


# Metrics that are one sum over test items divided by others: what gives the first and the others, (members, items) each.
RATIOS: dict[str, Callable[[Counts, str], tuple[np.ndarray, ...]]] = {
    "chunk_f1": _chunks, "bits_per_character": _characters,
    **{f"accuracy_{kind}": _words for kind in ("free", "left", "right", "slots")}}
MOST = {"bits_per_character": math.inf}  # no score of the others lies above 1
BY_ITEM = {*MEANS, *RATIOS}  # metrics that are resampled by test item
COUNTED = ("success", "flew")  # beginnings of the names of what either happened or did not


class Missing(Exception):
    """Evidence that a claim needs is not there; the text says what, `pending` that it is not part of params.yaml yet."""

    def __init__(self, what: str, pending: bool = False) -> None:
        super().__init__(what)
        self.pending = pending


def is_counted(reference: Mapping[str, Any]) -> bool:
    """Tell whether values are yes or no, to be tested as counts: an accuracy that happens to be 1 for all seeds is not."""
    return str(reference.get("metric", reference.get("value"))).startswith(COUNTED)


@dataclass
class Evidence:
    """Reads results, and notes which files it read and what stands against using them."""

    settings: Settings
    files: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    warnings_zh: list[str] = field(default_factory=list)

    def run(self, reference: Mapping[str, Any]) -> dict[str, Any]:
        """Return a run's record.

        Raises:
            Missing: it is not in params.yaml, or was not trained, or its learning rate was not tuned as it is now.
        """
        task, _, run = reference["run"].partition("/")
        path = self._path(task, run)
        if not path.exists():
            raise Missing(f"{path} is missing; run `make reproduce`")
        self._note(path)
        record = results.read_result(path)
        self._warn_of_a_stale_rate(f"{task}/{run}", record)
        return record

    def _warn_of_a_stale_rate(self, name: str, record: Mapping[str, Any]) -> None:
        text = f"the learning rate of {name} was tuned with other settings or code; run `make tune`"
        if (record.get("tuned") or {}).get("stale") and text not in self.warnings:
            self.warnings.append(text)
            self.warnings_zh.append(f"{name} 的学习率是在其他设置或代码下选定的，请先运行 `make tune`")

    def _path(self, task: str, run: str) -> Path:
        """Return where a run's record is: of this scale, or recorded once at full scale.

        Raises:
            Missing: the run is not in params.yaml at this scale, nor recorded.
        """
        section = self.settings.tasks.get(task)
        if section is not None and run in section.runs:
            return results.run_file(task, run)
        recorded = results.recorded_file(task, run)
        if section is None or run not in section.elsewhere or not recorded.exists():
            known = {*section.runs, *section.elsewhere} - {run} if section else ()
            meant = f" (did you mean {task}/{match}?)" if (match := closest(run, sorted(known))) else ""
            raise Missing(f"run {task}/{run} is not part of params.yaml yet{meant}", pending=True)
        return recorded

    def values(self, reference: Mapping[str, Any]) -> np.ndarray:
        """Return one value per seed of a run's metric (a diverged member's is the worst possible), or an analysis' values, some of
        which are (members, items).

        Raises:
            Missing: as `run`, or the metric or value does not exist.
        """
        if "analysis" in reference:
            result = self.analysis(reference["analysis"])
            found = result["values"].get(reference["value"])
            if found is None:
                raise Missing(f"analysis {reference['analysis']} has no value {reference['value']!r}")
            for run in result["runs"]:  # exact checks ask for none of this: they rest on no rate
                record = results.run_file(*run.split("/"))
                if record.exists():
                    self._warn_of_a_stale_rate(run, results.read_result(record))
            for run in result.get("recorded", {}).get(reference["value"], []):
                self._note(results.recorded_file(*run.split("/")))
            return np.atleast_1d(np.asarray(found, float))
        metric = reference["metric"]
        members = self._members(reference)
        if any(metric not in member["metrics"] for member in members):
            raise Missing(f"run {reference['run']} has no metric {metric!r}")
        return scores.of_members(members, metric)

    def _members(self, reference: Mapping[str, Any]) -> list[dict[str, Any]]:
        members = self.run(reference)["members"]
        rate, rates = reference.get("learning_rate"), sorted({member["learning_rate"] for member in members})
        if rate is None and len(rates) > 1:  # the same seeds would count once for each
            raise Missing(f"run {reference['run']} has members with learning rates {', '.join(f'{one:g}' for one in rates)}; "
                          "name one of them as learning_rate")
        chosen = [member for member in members if rate is None or np.isclose(member["learning_rate"], rate)]
        if not chosen:
            raise Missing(f"run {reference['run']} has no members with learning rate {rate}")
        return chosen

    def ratio(self, reference: Mapping[str, Any]) -> Ratio | None:
        """Return what is summed up of a run's test items, if its metric is a ratio of sums; a diverged member has the worst score of each.

        Runs that were recorded before such items were kept have none.
        """
        metric = reference.get("metric", "")
        if metric not in RATIOS or "learning_rate" in reference or not self._items_path(reference).exists():
            return None
        (part, *more), most = RATIOS[metric](self._counted(reference), metric), MOST.get(metric, 1.0)
        whole, diverged = np.sum(more, 0, dtype=float), self._diverged(reference)
        finished = ~diverged[:, 0]
        least = scores.worst(metric, part[finished].sum(1) / np.maximum(whole[finished].sum(1), 1))
        return Ratio(np.where(diverged, least * whole, part), whole, most)

    def scored_items(self, reference: Mapping[str, Any]) -> np.ndarray | None:
        """Return a run's score of each test item, or pair of items that hang together, (members, items), if its metric is their mean.

        A diverged member has the worst score of each.
        """
        metric = reference.get("metric", "")
        name = MEANS.get(metric)
        if name is None or "learning_rate" in reference:
            return None
        counted = self._counted(reference)
        if name not in counted:  # seeds alone would do, and the card would say otherwise
            raise Missing(f"{self._items_path(reference)} holds no {name!r}; train or record it anew")
        found = counted[name].astype(float)
        if metric in PAIRED:
            found = PAIRED[metric](found.reshape(len(found), -1, 2), axis=-1)
        return np.where(self._diverged(reference), scores.worst(metric, found), found)

    def _diverged(self, reference: Mapping[str, Any]) -> np.ndarray:
        """Return which members diverged, (members, 1)."""
        return np.array([[bool(member["diverged"])] for member in self._members(reference)])

    def _counted(self, reference: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Return a run's counts and scores per test item."""
        path = self._items_path(reference)
        self._note(path)
        return results.read_arrays(path)

    def _items_path(self, reference: Mapping[str, Any]) -> Path:
        return self._path(*reference["run"].split("/")).with_suffix(".items.safetensors")

    def analysis(self, name: str) -> dict[str, Any]:
        """Return an analysis' result.

        Raises:
            Missing: it is not in params.yaml, or was not run.
        """
        if name not in self.settings.analyses:
            raise Missing(f"analysis {name} is not part of params.yaml yet", pending=True)
        path = results.analysis_file(name)
        if not path.exists():
            raise Missing(f"{path} is missing; run `make reproduce`")
        self._note(path)
        return results.read_result(path)

    def _note(self, path: Any) -> None:
        if str(path) not in self.files:
            self.files.append(str(path))
