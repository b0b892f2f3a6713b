"""claims.yaml -> Claim; every complaint is one sentence with the path of the key."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrolled.judging.evidence import COUNTED, is_counted
from unrolled.judging.rules import FIELDS
from unrolled.results import UserError
from unrolled.scores import is_lower_better
from unrolled.settings import nearest, read_yaml

PUBLISHED = ("figure", "setup", "status", "figure_zh", "setup_zh")
STATUS = ("read", "notes", "unverified")


class ClaimError(UserError):
    """claims.yaml holds an unknown key or rule, or lacks one that is needed."""


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement of the lecture and how it is decided.

    Attributes:
        id: section letter and number.
        section, statement, test: in English; with _zh in Chinese.
        family: claims whose tests are adjusted together (Holm).
        rule, control: decision rules; without its control the rule decides nothing.
        change: why the rule is another than it was first, and what had been seen by then.
        parts_zh: Chinese names of the rule's parts; outside of the rule, so that a translation is no change of it. earlier_parts_zh: of
            those parts of earlier rules that the rule of now lacks.
        settle: the experiment that would settle it, shown where it is inconclusive.
        published: figure, setup (with _zh where they hold words) and status (read, notes, unverified). differs: how we differ from it.
        source: paper.
    """

    id: str
    section: str
    section_zh: str
    statement: str
    statement_zh: str
    test: str
    test_zh: str
    family: str
    rule: Mapping[str, Any]
    source: str = ""
    parts_zh: Mapping[str, str] = dataclasses.field(default_factory=dict)
    earlier_parts_zh: Mapping[str, str] = dataclasses.field(default_factory=dict)
    control: Mapping[str, Any] | None = None
    published: Mapping[str, Any] | None = None
    differs: str = ""
    differs_zh: str = ""
    change: str = ""
    change_zh: str = ""
    settle: str = ""
    settle_zh: str = ""

    @property
    def rule_hash(self) -> str:
        """Return a hash of rule and control, by which a later change is seen."""
        content = json.dumps({"rule": self.rule, "control": self.control}, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def load(path: str | Path = "claims.yaml") -> list[Claim]:
    """Read the claims in their order.

    Raises:
        ClaimError: an unknown or missing key, an unknown kind of rule, a doubled id.
    """
    tree = read_yaml(path)
    claims = []
    for name, entry in tree.items():
        if not isinstance(name, str):
            raise ClaimError(f"{path}: {name!r} must be the id of a claim, a letter and a number; put it in quotes if it is one.")
        if not isinstance(entry, Mapping):
            raise ClaimError(f"{path}: {name} must be a mapping, but is {entry!r}.")
        claims.append(_claim(str(path), name, entry))
    return claims


def _claim(path: str, name: str, entry: Mapping[str, Any]) -> Claim:
    fields = {field.name: field for field in dataclasses.fields(Claim) if field.name != "id"}
    for key, value in entry.items():
        if key not in fields:
            raise ClaimError(f"{path}: {name}.{key} is no field of a claim{nearest(key, fields)}")
        if not isinstance(value, Mapping if key in ("rule", "control", "published", "parts_zh", "earlier_parts_zh") else str):
            raise ClaimError(f"{path}: {name}.{key} has the wrong type: {value!r}.")
    for key, field in fields.items():
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING and key not in entry:
            raise ClaimError(f"{path}: {name}.{key} is missing.")
    for key in ("rule", "control"):
        if key in entry:
            check_rule(entry[key], f"{path}: {name}.{key}")
    _check_published(entry.get("published"), f"{path}: {name}.published")
    parts = {*entry["rule"].get("parts", {}), *entry.get("control", {}).get("parts", {})}
    for part in entry.get("parts_zh", {}):
        if part not in parts:
            raise ClaimError(f"{path}: {name}.parts_zh.{part} is no part of the rule{nearest(part, parts)}")
    return Claim(id=name, **entry)


def _check_published(published: Mapping[str, Any] | None, where: str) -> None:
    """Check that a published figure says all that its card shows."""
    if published is None:
        return
    for key, value in published.items():
        if key not in PUBLISHED:
            raise ClaimError(f"{where}.{key} is no part of a published figure{nearest(key, PUBLISHED)}")
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise ClaimError(f"{where}.{key} must be text or a number, but is {value!r}.")
    for key in PUBLISHED[:3]:
        if key not in published:
            raise ClaimError(f"{where}.{key} is missing.")
    if published["status"] not in STATUS:
        raise ClaimError(f"{where}.status is {published['status']!r}{nearest(str(published['status']), STATUS)}")


def check_rule(rule: Any, where: str, inner: bool = False) -> None:
    """Check a rule's form.

    Raises:
        ClaimError: unknown kind, missing or unknown key, or a composite inside a composite.
    """
    if not isinstance(rule, Mapping) or "kind" not in rule:
        raise ClaimError(f"{where} must be a mapping with a kind, but is {rule!r}.")
    kind = rule["kind"]
    if not isinstance(kind, str) or kind not in FIELDS:
        raise ClaimError(f"{where}.kind is {kind!r}{nearest(str(kind), FIELDS)}")
    if "only_if" in rule:
        if "parts" in FIELDS[kind]:
            raise ClaimError(f"{where}.only_if belongs to a part, not to a rule of kind {kind}.")
        check_rule(rule["only_if"], f"{where}.only_if", inner=True)
    for key in rule:
        if key not in ("kind", "only_if") and key not in FIELDS[kind]:
            raise ClaimError(f"{where}.{key} is no part of a rule of kind {kind}{nearest(key, FIELDS[kind])}")
    for key in FIELDS[kind]:
        if key not in rule:
            raise ClaimError(f"{where}.{key} is missing, which a rule of kind {kind} needs.")
        _check_part(rule[key], key, f"{where}.{key}", inner)
    if kind == "success" and (other := [key for key in ("of", "than") if not is_counted(rule[key])]):
        raise ClaimError(f"{where}.{other[0]} must be a success rate, whose name begins with {' or '.join(COUNTED)}, for a rule of kind "
                         f"success, but is {dict(rule[other[0]])!r}; take higher or lower for a mean.")
    if "limit" in rule and is_counted(rule["of"]) and not 0 <= rule["limit"] <= 1:
        raise ClaimError(f"{where}.limit must lie between 0 and 1, as a success rate does, but is {rule['limit']!r}.")


def _check_part(value: Any, key: str, where: str, inner: bool) -> None:
    if key == "parts":
        if inner or not isinstance(value, Mapping) or not value:
            raise ClaimError(f"{where} must be a mapping of named rules, not inside another one.")
        for name, part in value.items():
            if not isinstance(name, str):
                raise ClaimError(f"{where}.{name} must be a name in words; put it in quotes if it is a number.")
            check_rule(part, f"{where}.{name}", inner=True)
    elif key in ("of", "than"):
        _check_reference(value, where)
    elif key == "analysis" and not isinstance(value, str):
        raise ClaimError(f"{where} must be the name of an analysis, but is {value!r}.")
    elif key in ("margin", "limit") and not _is_number(value):
        raise ClaimError(f"{where} must be a number, but is {value!r}.")
    elif key == "margin" and value < 0:
        raise ClaimError(f"{where} must be at least 0, but is {value!r}.")


def _check_reference(value: Any, where: str) -> None:
    """Check what names a piece of evidence: a run as section/run with its metric, or an analysis with its value."""
    if not isinstance(value, Mapping) or not ({"run", "metric"} <= set(value) <= {"run", "metric", "learning_rate", "folds"}
                                              or set(value) == {"analysis", "value"}):
        raise ClaimError(f"{where} must name a run and a metric (and perhaps a learning_rate or folds), or an analysis and a value, "
                         f"but is {dict(value) if isinstance(value, Mapping) else value!r}.")
    for key, found in value.items():
        if key == "learning_rate" and not _is_number(found):
            raise ClaimError(f"{where}.learning_rate must be a number, but is {found!r}.")
        if key == "folds" and (not isinstance(found, int) or isinstance(found, bool) or found < 2):
            raise ClaimError(f"{where}.folds must be a whole number of at least 2, but is {found!r}.")
        if key not in ("learning_rate", "folds") and (not isinstance(found, str) or not found):
            raise ClaimError(f"{where}.{key} must be a word, but is {found!r}.")
    if value.get("metric") is not None:
        _check_metric(value["metric"], f"{where}.metric")
    if "run" in value and not all(value["run"].partition("/")):
        raise ClaimError(f"{where}.run must name a section and one of its runs, as adding/lstm, but is {value['run']!r}.")
    if {"folds", "learning_rate"} <= set(value):
        raise ClaimError(f"{where} has folds and a learning_rate; test items are kept together for all rates, so give one of the two.")


def _check_metric(metric: str, where: str) -> None:
    """Check that it is known which way a metric is better: what a diverged member scores follows from that."""
    try:
        is_lower_better(metric)
    except ValueError as error:
        raise ClaimError(f"{where}: {error}") from None


def _is_number(value: Any) -> bool:
    """Tell whether a value is a finite number; YAML reads .nan and .inf as numbers too."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
