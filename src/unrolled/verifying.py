"""Holds a fresh run against reference/, and verdicts on fresh seeds against those on the first ones."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from unrolled import results, stage_times
from unrolled.settings import Settings
from unrolled.significance import LEVEL

SPREADS = 3.0  # a mean may differ by so many standard errors of either run
NEAR = 0.02  # an adjusted p within this of the level lies near its margin: the verdict may tip


def numbers(settings: Settings) -> dict[str, dict[str, float]]:
    """Return mean, spread over members and count of every test metric of every run, by "task/run/metric"."""
    found = {}
    for section in settings.tasks.values():
        for run in section.runs:
            path = results.run_file(section.name, run)
            if path.exists():
                found |= _run_numbers(results.read_result(path))
    return found


def _run_numbers(record: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    found = {}
    for metric in record["members"][0]["metrics"]:
        values = [member["metrics"][metric] for member in record["members"] if member["metrics"][metric] is not None]
        if values:
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            found[f"{record['task']}/{record['run']}/{metric}"] = {
                "mean": round(statistics.fmean(values), 6), "spread": round(spread, 6), "n": len(values)}
    return found


def write_reference() -> None:
    """Copy verdicts and numbers to reference/, and add rules that are new to the list of all rules that ever stood there."""
    ledger = results.read_json(results.rules_file()) if results.rules_file().exists() else {}
    results.write_json(results.rules_file(), with_rules(ledger, results.read_result(results.verdicts_file())["claims"]))
    for path in (results.verdicts_file(), results.numbers_file()):
        results.write_json(results.of_reference(path), results.read_json(path))
    stage_times.write_reference()


def with_rules(ledger: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ledger with the rule of each claim added where it is another than the last one, and the verdict it gave.

    A rule that was pending gave none, so whoever changed it had seen no result of it.
    """
    found = {name: list(entries) for name, entries in ledger.items()}
    for name, claim in claims.items():
        entries = found.setdefault(name, [])
        if entries and entries[-1]["hash"] == claim["rule_hash"]:
            entries.pop()
        entries.append({"hash": claim["rule_hash"], "rule": claim["rule"], "rule_zh": claim["rule_zh"], "verdict": claim["verdict"]})
    return found


def differences() -> list[dict[str, str]]:
    """Return each difference between results/ and reference/, as kind, name, reference, here, and whether it is excused."""
    rows = []
    reference = results.read_json(results.of_reference(results.numbers_file()))
    fresh = results.read_json(results.numbers_file())
    for name in sorted(set(reference) | set(fresh)):
        rows += _metric_difference(name, reference.get(name), fresh.get(name))
    before = results.read_result(results.of_reference(results.verdicts_file()))
    return rows + flips(before, results.read_result(results.verdicts_file()))


def tolerance(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Return how far two means may lie apart: 3 standard errors of their difference, and no less than 1e-6."""
    return max(SPREADS * math.hypot(*(run["spread"] / math.sqrt(run["n"]) for run in (first, second))), 1e-6)


def _metric_difference(name: str, before: Any, after: Any) -> list[dict[str, str]]:
    if before is None or after is None:
        return [_row("metric", name, str(before and before["mean"]), str(after and after["mean"]), "")]
    if abs(before["mean"] - after["mean"]) <= tolerance(before, after):
        return []
    return [_row("metric", name, f"{before['mean']:g} ± {before['spread']:g}", f"{after['mean']:g} ± {after['spread']:g}", "")]


def flips(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return each claim whose verdict differs between two verdict files; one that lay near its margin before is excused."""
    rows = []
    for name in sorted(set(before["claims"]) | set(after["claims"])):
        old, new = (side["claims"].get(name) for side in (before, after))
        verdicts = [entry["verdict"] if entry else "absent" for entry in (old, new)]
        if verdicts[0] != verdicts[1]:
            rows.append(_row("verdict", name, *verdicts, "lay near its margin" if old and near_margin(old) else ""))
    return rows


def near_margin(entry: Mapping[str, Any]) -> bool:
    """Tell whether a test of a claim lies within `NEAR` of the level at which its verdict tips."""
    return any(abs(finding[name] - LEVEL) < NEAR for finding in entry["findings"] for name in ("p_for", "p_against", "p_within")
               if name in finding)


def _row(kind: str, name: str, before: str, after: str, excuse: str) -> dict[str, str]:
    sentence = f"{kind} {name}: {before} -> {after}" + (f" ({excuse})" if excuse else "")
    return {"kind": kind, "name": name, "reference": before, "here": after, "excuse": excuse, "sentence": sentence}
