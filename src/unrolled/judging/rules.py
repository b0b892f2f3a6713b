"""Decision rules: what a claim must show. A rule is data (claims.yaml); here it is checked, worked out and put into words.

Leaves: exact, higher, lower, success, equivalent, leads, above, below, cannot. Composites: all, conditions. A leaf may have a control of
its own, `only_if`: where that fails, the leaf decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled import significance
from unrolled.judging.evidence import Evidence, Missing, is_counted
from unrolled.judging.names import metric
from unrolled.significance import LEVEL, Test

VERDICTS = ("reproduced", "contradicted", "conditional", "inconclusive", "pending")


@dataclass
class Finding:
    """What one leaf of a rule found.

    Attributes:
        name: of the part of the rule, empty for a rule of one leaf.
        sentence, sentence_zh: what was observed.
        test: the test, None where nothing was tested by chance (exact checks) or nothing could be.
        passed: of exact checks.
        margin: of a comparison: an effect whose interval holds 0 and stays within it is no effect that matters.
        missing: what is missing, if something is. pending: it is not part of the pipeline yet. moot: its own control did not succeed.
        p_for, p_against: adjusted for the family once all claims are known.
    """

    name: str
    sentence: str
    sentence_zh: str
    test: Test | None = None
    passed: bool | None = None
    missing: str = ""
    pending: bool = False
    moot: bool = False
    size: int = 0
    margin: float = 0.0
    p_for: float = 1.0
    p_against: float = 1.0

    @property
    def verdict(self) -> str:
        """Return the verdict of this leaf alone."""
        if self.missing:
            return "pending" if self.pending else "inconclusive"
        if self.moot:
            return "inconclusive"
        if self.passed is not None:
            return "reproduced" if self.passed else "contradicted"
        if self.p_for < LEVEL:
            return "reproduced"
        return "contradicted" if self.p_against < LEVEL or self.is_negligible else "inconclusive"

    @property
    def is_negligible(self) -> bool:
        """Tell whether there is no effect that matters: its 95 % interval ends within the margin on both sides, and not above 0 alone.

        An interval below 0 altogether says so all the more. It is not corrected for the family, as the p values are.
        """
        if self.test is None:
            return False
        low, high = self.test.interval
        return -self.margin < low <= 0 and high < self.margin


@dataclass
class Outcome:
    """What a whole rule found: its leaves, and how they are put together."""

    findings: list[Finding] = field(default_factory=list)
    together: str = "all"

    @property
    def verdict(self) -> str:
        """Combine the leaves' verdicts."""
        found = [finding.verdict for finding in self.findings]
        if "pending" in found:
            return "pending"
        both = {"reproduced", "contradicted"} <= set(found)
        if self.together == "conditions" and both:
            return "conditional"
        if "contradicted" in found and (self.together == "all" or set(found) == {"contradicted"}):
            return "contradicted"
        return "inconclusive" if "inconclusive" in found else "reproduced"


def work_out(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Outcome:
    """Look up the evidence of a rule and test it; p values are not adjusted yet."""
    if rule["kind"] in ("all", "conditions"):
        findings = [_leaf(name, part, evidence, claim) for name, part in rule["parts"].items()]
        return Outcome(findings, rule["kind"])
    return Outcome([_leaf("", rule, evidence, claim)])


def references(rule: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what a rule looks up: a "run" with its metric or an "analysis", for its parts and for controls of their own too."""
    for part in rule.get("parts", {}).values():
        yield from references(part)
    if "analysis" in rule:
        yield {"analysis": rule["analysis"]}
    yield from (rule[key] for key in ("of", "than") if key in rule)
    if "only_if" in rule:
        yield from references(rule["only_if"])


def _leaf(name: str, rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    try:
        finding = LEAVES[rule["kind"]](rule, evidence, claim)
    except Missing as missing:
        return Finding(name, f"no evidence: {missing}", f"缺少证据：{missing}", missing=str(missing), pending=missing.pending)
    finding.name = name
    if finding.test is not None:
        finding.p_for, finding.p_against = finding.test.p_for, finding.test.p_against
    if "only_if" in rule:
        _hold_against_its_control(finding, _leaf("", rule["only_if"], evidence, claim))
    return finding


def _hold_against_its_control(finding: Finding, control: Finding) -> None:
    """Take a leaf's say away where its own control did not succeed, and tell why."""
    if control.verdict == "reproduced":
        return
    if control.missing:  # as where the leaf's own evidence is
        finding.missing, finding.pending, finding.test = control.missing, control.pending, None
        finding.sentence, finding.sentence_zh = control.sentence, control.sentence_zh
        return
    finding.moot = True
    finding.sentence += f"; says nothing, since its own control did not succeed: {control.sentence}"
    finding.sentence_zh += f"；这一项自身的对照未成功（{control.sentence_zh}），因而说明不了什么"


def _exact(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """All checks that an analysis made for this claim must have passed."""
    checks = [check for check in evidence.analysis(rule["analysis"])["checks"] if check["claim"] == claim]
    if not checks:
        raise Missing(f"analysis {rule['analysis']} made no check for {claim}")
    failed = [check["name"] for check in checks if not check["passed"]]
    sentence = f"{len(checks) - len(failed)} of {len(checks)} checks hold" + (f"; not: {', '.join(failed)}" if failed else "")
    chinese = f"{len(checks)} 项核对中 {len(checks) - len(failed)} 项成立" + (f"；不成立：{'、'.join(failed)}" if failed else "")
    return Finding("", sentence, chinese, passed=not failed, size=len(checks))


def _compare(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """The mean of one run lies above (or below) another's by more than the margin."""
    first, second = (_sample(evidence.values(rule[key])) for key in ("of", "than"))
    compare, sides = _comparison(rule, evidence, (first, second))
    return _two_sided(rule, compare(*(sides if rule["kind"] == "higher" else sides[::-1]), rule["margin"]), first, second)


def _comparison(rule: Mapping[str, Any], evidence: Evidence, values: tuple[np.ndarray, np.ndarray]
                ) -> tuple[Callable[..., Test], tuple[Any, Any]]:
    """Return the test of a difference and the two sides it takes: by members and test items where both have the same, else by members."""
    ratios = [evidence.ratio(rule[key]) for key in ("of", "than")]
    if all(found is not None for found in ratios) and ratios[0].whole.shape[1] == ratios[1].whole.shape[1]:
        return significance.compare_ratios, tuple(ratios)
    scores = [evidence.scored_items(rule[key]) for key in ("of", "than")]
    if all(found is not None for found in scores) and scores[0].shape[1] == scores[1].shape[1]:
        return significance.compare_items, tuple(scores)
    return significance.compare, values


def _sample(values: np.ndarray) -> np.ndarray:
    """Return values, of which there must be more than one: by a single seed nobody knows how much seeds differ.

    Of (members, items) there may be one member, as what learns nothing has no seeds.
    """
    if values.ndim == 1 and len(values) < 2:
        raise Missing("one seed is no sample; set `seeds` to at least 2")
    return values


def _equivalent(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """Two means differ by less than the margin either way."""
    first, second = (_sample(evidence.values(rule[key])) for key in ("of", "than"))
    compare, sides = _comparison(rule, evidence, (first, second))
    return _two_sided(rule, significance.equivalent(*sides, rule["margin"], compare), first, second)


def _success(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """One run succeeds more often than another, by more than the margin."""
    first, second = (evidence.values(rule[key]) for key in ("of", "than"))
    if rule["of"].get("analysis") and rule["of"].get("analysis") == rule["than"].get("analysis"):
        test = significance.compare_pairs(first, second, rule["margin"])  # the same starts, treated in two ways
    else:
        test = significance.compare_counts(int(first.sum()), len(first), int(second.sum()), len(second), rule["margin"])
    return _two_sided(rule, test, first, second)


def _leads(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """A difference, taken seed by seed and item by item, exceeds 0 by more than the margin; as for `higher`, one within it is none."""
    values, margin = evidence.values(rule["of"]), float(rule["margin"])
    held_against = significance.items_against_limit if _sample(values).ndim == 2 else significance.mean_against_limit
    beyond, opposite = held_against(values, margin), held_against(values, 0.0)
    test, name, (low, high) = Test(*opposite[:2], beyond.p_for, opposite.p_against), label(rule["of"]), opposite.interval
    return Finding("", f"{name} {summary(values)}, 95 % interval [{low:.4g}, {high:.4g}], margin {margin:g}",
                   f"{label(rule['of'], chinese=True)} {summary(values)}，95 % 区间 [{low:.4g}, {high:.4g}]，差距须超过 {margin:g}",
                   test, size=values.shape[-1], margin=margin)


def _two_sided(rule: Mapping[str, Any], test: Test, first: np.ndarray, second: np.ndarray) -> Finding:
    counted, (low, high) = is_counted(rule["of"]), test.interval
    shown = summary(first, counted), summary(second, counted)
    numbers, numbers_zh = (comma.join(f"{label(rule[key], chinese)} {values}" for key, values in zip(("of", "than"), shown, strict=True))
                           for comma, chinese in ((", ", False), ("，", True)))
    return Finding("", f"{numbers}; difference {test.effect:+.4g}, 95 % interval [{low:.4g}, {high:.4g}]",
                   f"{numbers_zh}；差 {test.effect:+.4g}，95 % 区间 [{low:.4g}, {high:.4g}]", test, size=min(len(first), len(second)),
                   margin=0.0 if rule["kind"] == "equivalent" else float(rule["margin"]))


def _against_limit(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """A mean lies above (or below) a limit; `cannot` is a success rate below one."""
    sign = 1 if rule["kind"] == "above" else -1
    counted, limit = is_counted(rule["of"]), float(rule["limit"])
    values = evidence.values(rule["of"]) if counted else _sample(evidence.values(rule["of"]))
    ratio = evidence.ratio(rule["of"])
    items = values if values.ndim == 2 else evidence.scored_items(rule["of"])
    if counted:
        test = significance.rate_against_limit(values, limit)
    elif ratio is not None:
        test = significance.ratio_against_limit(ratio, limit)
    elif items is not None:
        test = significance.items_against_limit(items, limit)
    else:
        test = significance.mean_against_limit(values, limit)
    name, (low, high) = label(rule["of"]), (limit + end for end in test.interval)
    if sign < 0:
        test = Test(-test.effect, (-test.interval[1], -test.interval[0]), test.p_against, test.p_for)
    return Finding("", f"{name} {summary(values, counted)}, 95 % interval [{low:.4g}, {high:.4g}], limit {limit:g}",
                   f"{label(rule['of'], chinese=True)} {summary(values, counted)}，95 % 区间 [{low:.4g}, {high:.4g}]，临界值 {limit:g}",
                   test, size=values.shape[-1])


LEAVES: dict[str, Callable[[Mapping[str, Any], Evidence, str], Finding]] = {
    "exact": _exact, "higher": _compare, "lower": _compare, "equivalent": _equivalent, "success": _success,
    "leads": _leads, "above": _against_limit, "below": _against_limit, "cannot": _against_limit,
}
FIELDS: dict[str, tuple[str, ...]] = {
    "exact": ("analysis",), "higher": ("of", "than", "margin"), "lower": ("of", "than", "margin"),
    "equivalent": ("of", "than", "margin"), "success": ("of", "than", "margin"), "leads": ("of", "margin"),
    "above": ("of", "limit"), "below": ("of", "limit"), "cannot": ("of", "limit"), "all": ("parts",), "conditions": ("parts",),
}


def summary(values: np.ndarray, counted: bool = False) -> str:
    """Return a sample in a few characters: successes of how many, or mean, spread and size; of (members, items), the spread of members."""
    if values.ndim == 2:
        return summary(values.mean(1)).replace(")", f"×{values.shape[1]})")
    if len(values) > 1 and counted:
        return f"{int(values.sum())}/{len(values)}"
    spread = f" ± {values.std(ddof=1):.3g}" if len(values) > 1 else ""
    return f"{values.mean():.4g}{spread} (n={len(values)})"


def label(reference: Mapping[str, Any], chinese: bool = False) -> str:
    """Return the name of a piece of evidence."""
    if "analysis" in reference:
        return f"{reference['analysis']}:{reference['value']}"
    words = "（学习率 {:g}）" if chinese else " at rate {:g}"
    rate = words.format(reference["learning_rate"]) if "learning_rate" in reference else ""
    return f"{reference['run']} {metric(reference['metric'], chinese)}{rate}"


def sentence(rule: Mapping[str, Any], chinese: bool = False) -> str:
    """Put a rule into words."""
    kind = rule["kind"]
    if kind in ("all", "conditions"):
        joint = {"all": ("; and ", "；并且"), "conditions": ("; or, as a condition: ", "；或在另一条件下：")}[kind][chinese]
        return joint.join(f"[{name}] {sentence(part, chinese)}" for name, part in rule["parts"].items())
    if kind == "exact":
        return f"{rule['analysis']} 的各项核对全部成立" if chinese else f"all exact checks of {rule['analysis']} hold"
    if "only_if" in rule:
        but = sentence({key: value for key, value in rule.items() if key != "only_if"}, chinese)
        own = sentence(rule["only_if"], chinese)
        return f"{but}（仅当{own}时才算数）" if chinese else f"{but} (counts only if {own})"
    first = label(rule["of"], chinese)
    if kind == "success":
        first, second = (rule[key].get("run") or label(rule[key], chinese) for key in ("of", "than"))
        return (f"{first} 的成功率高于 {second}（差距须超过 {rule['margin']:g}）" if chinese else
                f"{first} succeeds more often than {second} (margin {rule['margin']:g})")
    if kind == "leads":
        return f"{first} 大于 0（差距须超过 {rule['margin']:g}）" if chinese else f"{first} exceeds 0 (margin {rule['margin']:g})"
    if kind in ("above", "below", "cannot"):
        words = {"above": ("lies above", "高于"), "below": ("lies below", "低于"), "cannot": ("succeeds at a rate below", "的成功率低于")}
        return f"{first} {words[kind][chinese]} {rule['limit']:g}"
    words = {"higher": ("exceeds", "高于"), "lower": ("lies below", "低于"),
             "equivalent": ("equals, within the margin,", "等效于")}
    within = "须在 ±{:g} 之内" if kind == "equivalent" else "须超过 {:g}"
    margin = f"（差距{within.format(rule['margin'])}）" if chinese else f" (margin {rule['margin']:g})"
    return f"{first} {words[kind][chinese]} {label(rule['than'], chinese)}{margin}"
