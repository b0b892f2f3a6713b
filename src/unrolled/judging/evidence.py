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


def _fresh_chunks(counts: Counts, metric: str) -> tuple[np.ndarray, ...]:
    return tuple(part * (counts["repeated"] == 0) for part in _chunks(counts, metric))


def _words(counts: Counts, metric: str) -> tuple[np.ndarray, ...]:
    return counts[metric].astype(float), counts[f"{metric}_words"]


def _characters(counts: Counts, metric: str) -> tuple[np.ndarray, ...]:
    return counts["nats"] / math.log(2), np.broadcast_to(counts["characters"], counts["nats"].shape)


# Metrics that are one sum over test items divided by others: what gives the first and the others, (members, items) each.
RATIOS: dict[str, Callable[[Counts, str], tuple[np.ndarray, ...]]] = {
    "chunk_f1": _chunks, "chunk_f1_unrepeated": _fresh_chunks, "bits_per_character": _characters,
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


def runs_of(reference: Mapping[str, Any]) -> list[str]:
    """Return the runs that a reference names, as section/run: one, or those whose test items it puts together, <run>_0, <run>_1, ..."""
    return [f"{reference['run']}_{fold}" for fold in range(reference["folds"])] if "folds" in reference else [reference["run"]]


@dataclass
class Evidence:
    """Reads results, and notes which files it read and what stands against using them."""

    settings: Settings
    files: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    warnings_zh: list[str] = field(default_factory=list)

    def run(self, name: str) -> dict[str, Any]:
        """Return a run's record.

        Args:
            name: section/run.

        Raises:
            Missing: it is not in params.yaml, or was not trained, or its learning rate was not tuned as it is now.
        """
        path = self._path(name)
        if not path.exists():
            raise Missing(f"{path} is missing; run `make reproduce`")
        self._note(path)
        record = results.read_result(path)
        self._warn(name, record)
        return record

    def warn_of_a_stale_rate(self, run: str) -> None:
        """Note if the learning rate of a run (section/run) that an analysis asked was tuned with other settings or code."""
        record = results.run_file(*run.split("/"))
        if record.exists():
            self._warn(run, results.read_result(record))

    def _warn(self, name: str, record: Mapping[str, Any]) -> None:
        text = f"the learning rate of {name} was tuned with other settings or code; run `make tune`"
        if (record.get("tuned") or {}).get("stale") and text not in self.warnings:
            self.warnings.append(text)
            self.warnings_zh.append(f"{name} 的学习率是在其他设置或代码下选定的，请先运行 `make tune`")

    def _path(self, name: str) -> Path:
        """Return where a run's record is: of this scale, or recorded once at full scale.

        Raises:
            Missing: the run is not in params.yaml at this scale, nor recorded.
        """
        task, _, run = name.partition("/")
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
            for run in result["runs"]:
                self.warn_of_a_stale_rate(run)
            for run in result.get("recorded", {}).get(reference["value"], []):
                self._note(results.recorded_file(*run.split("/")))
            return np.atleast_1d(np.asarray(found, float))
        if "folds" in reference:
            return self._over_folds(reference)
        metric, members = reference["metric"], self._members(reference)
        if any(metric not in member["metrics"] for member in members):
            raise Missing(f"run {reference['run']} has no metric {metric!r}")
        return scores.of_members(members, metric)

    def _over_folds(self, reference: Mapping[str, Any]) -> np.ndarray:
        """Return one value per seed over the test items of all folds together.

        Raises:
            Missing: no test items were kept by which the metric could be worked out.
        """
        for run in runs_of(reference):  # of one that is not there, this says what to do
            self.run(run)
        ratio = self.ratio(reference)
        items = None if ratio is not None else self.scored_items(reference)
        if ratio is None and items is None:
            raise Missing(f"{reference['metric']} of {reference['run']} cannot be put together from test items, as its folds ask")
        return items.mean(1) if ratio is None else ratio.part.sum(1) / np.maximum(ratio.whole.sum(1), 1)

    def _members(self, reference: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the members of a reference's only run."""
        members = self.run(reference["run"])["members"]
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
        if metric not in RATIOS or "learning_rate" in reference or not all(path.exists() for path in self._items_paths(reference)):
            return None
        counts, diverged = self._counted(reference)
        (part, *more), most = RATIOS[metric](counts, metric), MOST.get(metric, 1.0)
        whole, finished = np.sum(more, 0, dtype=float), ~diverged.any(1)
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
        counted, diverged = self._counted(reference)
        if name not in counted:  # seeds alone would do, and the card would say otherwise
            raise Missing(f"{self._items_paths(reference)[0]} holds no {name!r}; train or record it anew")
        found = counted[name].astype(float)
        if metric in PAIRED:
            found, diverged = PAIRED[metric](found.reshape(len(found), -1, 2), axis=-1), diverged[:, ::2]
        return np.where(diverged, scores.worst(metric, found), found)

    def _counted(self, reference: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return counts and scores per test item, (members, items, ...) each, and whether the member that they are of diverged.

        A member whose metric is no number diverged too, if only in its last update, which nobody looked at any more.

        Raises:
            Missing: the folds are not those of one network on the same seeds, so that their test items cannot be put side by side.
        """
        groups = [self._members({**reference, "run": run}) for run in runs_of(reference)]
        if "folds" in reference:
            self._check_folds(reference)
        parts, diverged, metric = [], [], reference["metric"]
        for members, path in zip(groups, self._items_paths(reference), strict=True):
            self._note(path)
            parts.append(results.read_arrays(path))
            items = next(iter(parts[-1].values())).shape[1]
            lost = [bool(member["diverged"]) or member["metrics"].get(metric, 0) is None for member in members]
            diverged.append(np.repeat(np.array(lost)[:, None], items, 1))
        return {name: np.concatenate([part[name] for part in parts], 1) for name in parts[0]}, np.concatenate(diverged, 1)

    def _check_folds(self, reference: Mapping[str, Any]) -> None:
        records = [self.run(run) for run in runs_of(reference)]
        if len({tuple(member["seed"] for member in record["members"]) for record in records}) > 1:
            raise Missing(f"the folds of {reference['run']} were not trained on the same seeds; record them anew")
        for fold, (run, record) in enumerate(zip(runs_of(reference), records, strict=True)):
            if record["settings"].get("fold") != fold:
                raise Missing(f"{run} has fold {record['settings'].get('fold')}, not {fold}; set it and record the run anew")
            if {**record["settings"], "fold": 0} != {**records[0]["settings"], "fold": 0}:
                raise Missing(f"{run} has other settings than {runs_of(reference)[0]}; record the folds anew")

    def _items_paths(self, reference: Mapping[str, Any]) -> list[Path]:
        return [self._path(run).with_suffix(".items.safetensors") for run in runs_of(reference)]

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
