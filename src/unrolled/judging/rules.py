"""Decision rules: what a claim must show. A rule is data (claims.yaml); here it is worked out.

Leaves: exact, higher, lower, success, equivalent, not_below, not_above, leads, above, below, cannot. Composites: all, conditions. A leaf
may have a control of its own, `only_if`: where that fails, the leaf decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled import significance
from unrolled.judging.evidence import Evidence, Missing, is_counted
from unrolled.judging.wording import label, summary
from unrolled.scores import is_lower_better
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
        missing: what is missing, if something is. pending: it is not part of the pipeline yet. moot: its own control did not succeed.
        room: for a lead beyond the margin that a test could tell: above 21 successes of 30 there is none for one of 0.3.
        reservation: what is then to be said.
        p_for, p_against, p_within: adjusted for the family once all claims are known.
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
    room: bool = True
    reservation: tuple[str, str] = ("", "")
    p_for: float = 1.0
    p_against: float = 1.0
    p_within: float = 1.0

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
    def says_nothing(self) -> bool:
        """Tell whether its own control failed, or what it is held against left no room for more and no less was found either."""
        return self.moot or (not self.room and self.verdict == "inconclusive")

    def say_so(self) -> None:
        """Add the reservation to the sentences where there was no room and this leaf therefore says nothing; again once p is adjusted."""
        if not self.room and self.says_nothing and not self.sentence.endswith(self.reservation[0]):
            self.sentence, self.sentence_zh = self.sentence + self.reservation[0], self.sentence_zh + self.reservation[1]

    @property
    def is_negligible(self) -> bool:
        """Tell whether there is no effect that matters: it lies within the margin on both sides, and its interval not above 0 alone.

        Where what it is held against leaves no room for more, that would be so whatever was claimed, and says nothing.
        """
        return self.test is not None and self.room and self.p_within < LEVEL and self.test.interval[0] <= 0


@dataclass
class Outcome:
    """What a whole rule found: its leaves, and how they are put together."""

    findings: list[Finding] = field(default_factory=list)
    together: str = "all"

    @property
    def verdict(self) -> str:
        """Combine the leaves' verdicts; of conditions those count that could be tested, if any could."""
        counted = [finding for finding in self.findings if not finding.says_nothing] if self.together == "conditions" else []
        found = [finding.verdict for finding in counted or self.findings]
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
        finding.p_for, finding.p_against, finding.p_within = finding.test[2:]
        finding.say_so()
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
    finding.sentence_zh += f"；这一项自身的对照未通过（{control.sentence_zh}），因而说明不了什么"


def _exact(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """All checks that an analysis made for this claim must have passed."""
    checks = [check for check in evidence.analysis(rule["analysis"])["checks"] if check["claim"] == claim]
    if not checks:
        raise Missing(f"analysis {rule['analysis']} made no check for {claim}")
    for run in dict.fromkeys(check["run"] for check in checks if check.get("run")):
        evidence.warn_of_a_stale_rate(run)
    failed = [check["name"] for check in checks if not check["passed"]]
    sentence = f"{len(checks) - len(failed)} of {len(checks)} checks hold" + (f"; not: {', '.join(failed)}" if failed else "")
    chinese = f"{len(checks)} 项核对中 {len(checks) - len(failed)} 项成立" + (f"；不成立：{'、'.join(failed)}" if failed else "")
    return Finding("", sentence, chinese, passed=not failed, size=len(checks))


def _compare(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """The mean of one run lies above (or below) another's by more than the margin."""
    first, second = (_sample(evidence.values(rule[key])) for key in ("of", "than"))
    compare, sides = _comparison(rule, evidence, (first, second))
    sides, margin = sides if rule["kind"] == "higher" else sides[::-1], float(rule["margin"])
    test = compare(*sides, margin)._replace(p_within=significance.within(*sides, margin, compare))
    return _hold_against_the_ends(_two_sided(rule, test, first, second), rule, second)


def _hold_against_the_ends(finding: Finding, rule: Mapping[str, Any], second: np.ndarray) -> Finding:
    """Note where a metric that ends at 0 and 1 leaves no room for a lead beyond the margin, and that this alone decides nothing."""
    mean, margin = float(second.mean()), float(rule["margin"])
    if "run" not in rule["than"] or (rule["kind"] == "higher" and is_lower_better(rule["than"]["metric"])):
        return finding  # it is not known where an analysis' values end, and an error may grow without end
    finding.room = margin < (mean if rule["kind"] == "lower" else 1 - mean)
    finding.reservation = (f"; the second is so good that a lead of {margin:g} is impossible",
                           f"；后者得分已太好，不可能再领先它 {margin:g}")
    return finding


def _comparison(rule: Mapping[str, Any], evidence: Evidence, values: tuple[np.ndarray, np.ndarray]
                ) -> tuple[Callable[..., Test], tuple[Any, Any]]:
    """Return the test of a difference and the two sides it takes: by members and test items where both have the same, else by members."""
    ratios = [evidence.ratio(rule[key]) for key in ("of", "than")]
    if all(found is not None for found in ratios) and ratios[0].whole.shape[1] == ratios[1].whole.shape[1]:
        return significance.compare_ratios, tuple(ratios)
    scores = [evidence.scored_items(rule[key]) for key in ("of", "than")]
    scores = [items if found is None and items.ndim == 2 else found for found, items in zip(scores, values, strict=True)]
    if all(found is not None for found in scores) and scores[0].shape[1] == scores[1].shape[1]:
        return significance.compare_items, tuple(scores)
    if any(items.ndim == 2 for items in values):
        raise Missing("the two sides have no test items in common, by which they could be compared")
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


def _no_worse(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """The mean of one lies below (or above) the other's by less than the margin; further on the right side is as well."""
    first, second = (_sample(evidence.values(rule[key])) for key in ("of", "than"))
    compare, sides = _comparison(rule, evidence, (first, second))
    sides = sides if rule["kind"] == "not_below" else sides[::-1]
    return _two_sided(rule, significance.no_worse(*sides, float(rule["margin"]), compare), first, second)


def _success(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """One run succeeds more often than another, by more than the margin."""
    first, second = (_counts(evidence.values(rule[key]), rule[key]) for key in ("of", "than"))
    sides, margin = [(int(side.sum()), len(side)) for side in (first, second)], float(rule["margin"])

    def compare(one: tuple[int, int], other: tuple[int, int], by: float) -> Test:
        return significance.compare_counts(*one, *other, by)

    test = compare(*sides, margin)._replace(p_within=significance.within(*sides, margin, compare))
    return _hold_against_the_ends(_two_sided(rule, test, first, second), rule, second)


def _counts(values: np.ndarray, reference: Mapping[str, Any]) -> np.ndarray:
    """Return values that say of each member whether it succeeded; of anything else there is no number of successes."""
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise Missing(f"{label(reference)} is not a yes or no for each member, which a rule of kind success counts")
    return values


def _leads(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """A difference, taken seed by seed and item by item, exceeds 0 by more than the margin; as for `higher`, one within it is none."""
    values, margin = evidence.values(rule["of"]), float(rule["margin"])
    held_against = significance.items_against_limit if _sample(values).ndim == 2 else significance.mean_against_limit
    beyond, opposite, other = (held_against(values, limit) for limit in (margin, 0.0, -margin))
    within = max(beyond.p_against, other.p_for) if margin > 0 else 1.0
    test, name, (low, high) = Test(*opposite[:2], beyond.p_for, opposite.p_against, within), label(rule["of"]), opposite.interval
    return Finding("", f"{name} {summary(values)}, 95 % interval [{low:.4g}, {high:.4g}], margin {margin:g}",
                   f"{label(rule['of'], chinese=True)} {summary(values)}，95 % 区间 [{low:.4g}, {high:.4g}]，差距须超过 {margin:g}",
                   test, size=values.shape[-1])


def _two_sided(rule: Mapping[str, Any], test: Test, first: np.ndarray, second: np.ndarray) -> Finding:
    counted, (low, high) = is_counted(rule["of"]), test.interval
    shown = summary(first, counted), summary(second, counted)
    numbers, numbers_zh = (comma.join(f"{label(rule[key], chinese)} {values}" for key, values in zip(("of", "than"), shown, strict=True))
                           for comma, chinese in ((", ", False), ("，", True)))
    return Finding("", f"{numbers}; difference {test.effect:+.4g}, 95 % interval [{low:.4g}, {high:.4g}]",
                   f"{numbers_zh}；差 {test.effect:+.4g}，95 % 区间 [{low:.4g}, {high:.4g}]", test, size=min(len(first), len(second)))


def _against_limit(rule: Mapping[str, Any], evidence: Evidence, claim: str) -> Finding:
    """A mean lies above (or below) a limit; `cannot` is a success rate below one."""
    sign = 1 if rule["kind"] == "above" else -1
    values = evidence.values(rule["of"])
    counted, limit = is_counted(rule["of"]) and values.ndim == 1, float(rule["limit"])
    values = values if counted else _sample(values)
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
    "not_below": _no_worse, "not_above": _no_worse,
    "leads": _leads, "above": _against_limit, "below": _against_limit, "cannot": _against_limit,
}
FIELDS: dict[str, tuple[str, ...]] = {
    "exact": ("analysis",), "higher": ("of", "than", "margin"), "lower": ("of", "than", "margin"),
    "equivalent": ("of", "than", "margin"), "not_below": ("of", "than", "margin"), "not_above": ("of", "than", "margin"),
    "success": ("of", "than", "margin"), "leads": ("of", "margin"),
    "above": ("of", "limit"), "below": ("of", "limit"), "cannot": ("of", "limit"), "all": ("parts",), "conditions": ("parts",),
}
