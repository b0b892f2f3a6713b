"""Decision rules: each can say each of its verdicts, the tests behind them agree with others' and with hand calculation."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from unrolled import results, scores, settings
from unrolled import significance as statistics
from unrolled.judging import _adjust, _decide, _entry, claims, judge, rules, wording
from unrolled.judging.evidence import Evidence, Missing, runs_of
from unrolled.judging.rules import Finding, Outcome

pytestmark = pytest.mark.unit
A, B, S = {"run": "t/a", "metric": "accuracy"}, {"run": "t/b", "metric": "accuracy"}, {"run": "t/a", "metric": "success"}
ERROR_A, ERROR_B = ({"run": f"t/{run}", "metric": "mean_squared_error"} for run in "ab")
HIGH = [0.9, 0.92, 0.91, 0.93, 0.9, 0.94, 0.92, 0.91, 0.93, 0.92]
LOW = [0.5, 0.52, 0.51, 0.53, 0.5, 0.54, 0.52, 0.51, 0.53, 0.52]
WIDE = [0.1, 0.9, 0.2, 0.95, 0.15, 0.85, 0.6, 0.4, 0.99, 0.3]


class Known:
    """Evidence that is simply given: values by run name, checks by claim."""

    def __init__(self, checks=(), **values):
        self.known, self.checks, self.files, self.warnings, self.warnings_zh = values, list(checks), [], [], []

    def values(self, reference):
        name = reference["run"].split("/")[1] if "run" in reference else reference["value"][-1]
        if self.known[name] is None:
            raise Missing(f"no {name}", pending=name == "later")
        return np.asarray(self.known[name], float)

    def scored_items(self, reference):
        return None

    def ratio(self, reference):
        return None

    def analysis(self, name):
        return {"checks": self.checks}


def test_runs_recorded_once_are_evidence_of_the_values_that_rest_on_them(workplace):
    results.write_json(results.analysis_file("x"), {"format": results.FORMAT, "values": {"a": 1.0, "b": 2.0}, "runs": [],
                                                 "recorded": {"a": ["t/run"]}})
    for value, files in (("b", []), ("a", [str(results.recorded_file("t", "run"))])):
        found = Evidence(SimpleNamespace(analyses={"x": None}))
        found.values({"analysis": "x", "value": value})
        assert found.files == [str(results.analysis_file("x")), *files]


def verdict(rule, **values):
    return rules.work_out(rule, Known(**values), "X1").verdict


TEN, NONE, HALF = [1.0] * 10, [0.0] * 10, [1.0] * 5 + [0.0] * 5
CASES = [
    ({"kind": "higher", "of": A, "than": B, "margin": 0.1}, {"reproduced": (HIGH, LOW), "contradicted": (LOW, HIGH), "inconclusive": (WIDE, LOW)}),
    ({"kind": "lower", "of": A, "than": B, "margin": 0.1}, {"reproduced": (LOW, HIGH), "contradicted": (HIGH, LOW), "inconclusive": (WIDE, LOW)}),
    ({"kind": "higher", "of": A, "than": B, "margin": 0.4}, {"inconclusive": (HIGH, LOW), "contradicted": (LOW, list(reversed(LOW)))}),
    ({"kind": "success", "of": A, "than": B, "margin": 0.2}, {"reproduced": (TEN, NONE), "contradicted": (NONE, TEN), "inconclusive": (HALF, NONE[:6] + [1.0] * 4)}),
    ({"kind": "success", "of": A, "than": B, "margin": 0.2}, {"contradicted": (HALF * 15, HALF * 15)}),
    ({"kind": "equivalent", "of": A, "than": B, "margin": 0.1}, {"reproduced": (HIGH, HIGH), "contradicted": (HIGH, LOW), "inconclusive": (WIDE, LOW)}),
    ({"kind": "not_below", "of": A, "than": B, "margin": 0.1}, {"reproduced": (HIGH, LOW), "contradicted": (LOW, HIGH), "inconclusive": (WIDE, LOW)}),
    ({"kind": "not_above", "of": ERROR_A, "than": ERROR_B, "margin": 0.1}, {"reproduced": (LOW, HIGH), "contradicted": (HIGH, LOW),
                                                                           "inconclusive": (WIDE, LOW)}),
    ({"kind": "leads", "of": A, "margin": 0.5}, {"reproduced": (HIGH, None), "contradicted": ([-value for value in HIGH], None),
                                                 "inconclusive": (WIDE, None)}),
    ({"kind": "leads", "of": A, "margin": 0.9}, {"contradicted": ([0.1, -0.1] * 5, None), "inconclusive": ([0.1, 0.2] * 5, None)}),
    ({"kind": "leads", "of": A, "margin": 0.4}, {"inconclusive": ([-0.3, 1.0] * 5, None)}),  # surely above -0.4, but not below 0.4
    ({"kind": "above", "of": A, "limit": 0.7}, {"reproduced": (HIGH, None), "contradicted": (LOW, None), "inconclusive": (WIDE, None)}),
    ({"kind": "below", "of": A, "limit": 0.7}, {"reproduced": (LOW, None), "contradicted": (HIGH, None), "inconclusive": (WIDE, None)}),
    ({"kind": "above", "of": S, "limit": 0.5}, {"reproduced": (TEN, None), "contradicted": (NONE, None), "inconclusive": (HALF, None)}),
    ({"kind": "cannot", "of": S, "limit": 0.5}, {"reproduced": (NONE, None), "contradicted": (TEN, None), "inconclusive": (HALF, None)}),
]
SAID = [(rule, wanted, data) for rule, cases in CASES for wanted, data in cases.items()]


@pytest.mark.parametrize(("rule", "wanted", "data"), SAID, ids=lambda item: item if isinstance(item, str) else "")
def test_a_leaf_can_say_each_of_its_verdicts(rule, wanted, data):
    assert verdict(rule, a=data[0], b=data[1]) == wanted


def test_a_leaf_whose_own_control_fails_decides_nothing_and_says_why():
    own = {"kind": "above", "of": {"run": "t/own", "metric": "success"}, "limit": 0.5}
    rule = {"kind": "higher", "of": A, "than": B, "margin": 0.1, "only_if": own}
    good, bad = (rules.work_out(rule, Known(a=LOW, b=HIGH, own=succeeded), "X1") for succeeded in (TEN, NONE))
    assert (good.verdict, bad.verdict) == ("contradicted", "inconclusive")
    assert "control" not in good.findings[0].sentence and "its own control did not succeed: " in bad.findings[0].sentence
    assert wording.sentence(rule).endswith("(counts only if t/own success lies above 0.5)") and "仅当" in wording.sentence(rule, chinese=True)
    claims.check_rule(rule, "here")
    unknown = rules.work_out(rule, Known(a=LOW, b=HIGH, own=None), "X1")
    assert unknown.verdict == "inconclusive" and unknown.findings[0].missing == "no own"
    assert unknown.findings[0].test is None  # so that the family is not corrected for it
    with pytest.raises(claims.ClaimError, match="belongs to a part, not to a rule of kind all"):
        claims.check_rule({"kind": "all", "parts": {"x": rule}, "only_if": own}, "here")
    with pytest.raises(claims.ClaimError, match=re.escape("here.only_if.limitt is no part of a rule of kind above")):
        claims.check_rule({**rule, "only_if": {**own, "limitt": 0.5}}, "here")


def test_what_a_rule_looks_up_is_told_of_its_parts_and_of_their_own_controls():
    own, lead = {"kind": "above", "of": S, "limit": 0.5}, {"kind": "leads", "of": {"analysis": "x", "value": "n"}, "margin": 0.1}
    parts = {"one": {"kind": "higher", "of": A, "than": B, "margin": 0.1, "only_if": own}, "two": lead,
             "three": {"kind": "exact", "analysis": "y"}}
    assert list(rules.references({"kind": "all", "parts": parts})) == [A, B, S, lead["of"], {"analysis": "y"}]


def test_below_a_limit_the_effect_and_its_interval_are_turned_around():
    above, below = (rules.work_out({"kind": kind, "of": A, "limit": 0.7}, Known(a=LOW), "X1").findings[0].test
                    for kind in ("above", "below"))
    assert below.effect == -above.effect and below.interval == (-above.interval[1], -above.interval[0])
    assert below.interval[0] < below.effect < below.interval[1] and (below.p_for, below.p_against) == (above.p_against, above.p_for)


def test_successes_of_members_and_items_are_no_count():
    """Whether each seed has each item right is a score of items; only one yes or no a seed is counted."""
    items = np.ones((3, 20))
    items[1, 7] = items[2, 3] = 0
    found = rules.work_out({"kind": "above", "of": {"analysis": "x", "value": "success_n"}, "limit": 0.5}, Known(n=items), "X1").findings[0]
    assert found.test == statistics.items_against_limit(items, 0.5) and found.size == 20 and "(n=3×20)" in found.sentence


def test_every_kind_of_rule_is_shown_saying_every_verdict():
    said = {(rule["kind"], wanted) for rule, wanted, _ in SAID}
    leaves = set(rules.LEAVES) - {"exact"}
    assert said == set(itertools.product(leaves, ("reproduced", "contradicted", "inconclusive")))


@pytest.mark.parametrize(("passed", "wanted"), [([True, True], "reproduced"), ([True, False], "contradicted"), ([], "inconclusive")])
def test_exact_checks(passed, wanted):
    checks = [{"claim": "X1", "name": str(place), "passed": value} for place, value in enumerate(passed)]
    other = {"claim": "X2", "name": "other", "passed": False}
    found = rules.work_out({"kind": "exact", "analysis": "examples"}, Known([*checks, other]), "X1")
    assert found.verdict == wanted


PART = {"R": "reproduced", "C": "contradicted", "I": "inconclusive", "P": "pending"}


@pytest.mark.parametrize(("together", "parts", "wanted"), [
    ("all", "RR", "R"), ("all", "RC", "C"), ("all", "RI", "I"), ("all", "CI", "C"), ("all", "RP", "P"),
    ("conditions", "RR", "R"), ("conditions", "CC", "C"), ("conditions", "RC", "conditional"), ("conditions", "RCI", "conditional"),
    ("conditions", "RI", "I"), ("conditions", "CI", "I"), ("conditions", "RCP", "P")])
def test_composites(together, parts, wanted):
    made = {"R": {"passed": True}, "C": {"passed": False}, "I": {"missing": "x"}, "P": {"missing": "x", "pending": True}}
    outcome = Outcome([Finding("", "", "", **made[part]) for part in parts], together)
    assert outcome.verdict == PART.get(wanted, wanted)


@pytest.mark.parametrize("nothing", [{"moot": True}, {"room": False}])
def test_of_conditions_those_count_that_could_be_tested(nothing):
    """If none could, nothing was found; and where all parts must hold, one that says nothing leaves that open."""
    test = statistics.Test(0.0, (-0.1, 0.1), 1.0, 1.0, 1.0)
    silent, good, bad = Finding("", "", "", test, **nothing), Finding("", "", "", passed=True), Finding("", "", "", passed=False)
    assert [Outcome([silent, part], "conditions").verdict for part in (good, bad, silent)] == ["reproduced", "contradicted", "inconclusive"]
    assert Outcome([silent, good], "all").verdict == "inconclusive"


def outcome_of(verdict_letter):
    made = {"R": {"passed": True}, "C": {"passed": False}, "I": {"missing": "gone"}, "P": {"missing": "x", "pending": True}}
    return Outcome([Finding("", "", "", **made[verdict_letter])])


@pytest.mark.parametrize("letter", "RCI")
def test_a_failed_control_decides_nothing(letter):
    assert _decide(outcome_of(letter), outcome_of("C"), SimpleNamespace(warnings=[]), {})[0] == "inconclusive"
    assert _decide(outcome_of(letter), outcome_of("I"), SimpleNamespace(warnings=[]), {})[0] == "inconclusive"
    assert _decide(outcome_of(letter), outcome_of("R"), SimpleNamespace(warnings=[]), {})[0] == PART[letter]
    gone = Outcome([Finding("", "", "", missing="no run")])
    assert _decide(outcome_of(letter), gone, SimpleNamespace(warnings=[]), {})[:2] == ("inconclusive", "what the control takes is missing")


def test_a_stale_rate_decides_nothing():
    stale = SimpleNamespace(warnings=["stale"], warnings_zh=["已过期"])
    assert _decide(outcome_of("R"), None, stale, {}) == ("inconclusive", "stale", "已过期")


def test_permutation_of_seeds_by_hand():
    """Three against three, all higher: 1 of the 20 ways to deal them out is as extreme."""
    assert statistics.compare([4, 5, 6], [1, 2, 3], 0.0).p_for == pytest.approx(1 / 20)
    moved = [1.1, 2.1, 3.1, 1, 2, 3]  # the first three less a margin of 2.9
    as_extreme = sum(sum(dealt) >= sum(moved[:3]) - 1e-9 for dealt in itertools.combinations(moved, 3))
    assert statistics.compare([4, 5, 6], [1, 2, 3], 2.9).p_for == pytest.approx(as_extreme / 20)
    assert statistics.compare([1, 2, 3], [4, 5, 6], 0.0).p_against == pytest.approx(1 / 20)


def test_sign_flips_by_hand():
    """Five values above the limit: 1 of 32 ways to set signs gives as large a mean."""
    assert statistics.mean_against_limit([2.0, 3.0, 4.0, 5.0, 6.0], 1.5).p_for == pytest.approx(1 / 32)
    assert statistics.rate_against_limit([1.0] * 8, 0.5).p_for == pytest.approx(0.5**8)
    assert statistics.rate_against_limit([1.0] * 8, 0.95).p_for == pytest.approx(0.95**8)


def test_an_accuracy_of_one_is_no_count():
    """All ten seeds at accuracy 1 lie above 0.95 beyond doubt; ten successes of ten leave doubt about a rate of 0.95."""
    assert verdict({"kind": "above", "of": A, "limit": 0.95}, a=TEN) == "reproduced"
    assert verdict({"kind": "above", "of": S, "limit": 0.95}, a=TEN) == "inconclusive"


def test_what_is_no_worse_may_be_better():
    """Better by far is no worse; worse by less than the margin is no worse; of errors, more is worse."""
    rule = {"kind": "not_below", "of": A, "than": B, "margin": 0.1}
    nearly = [value - 0.05 for value in HIGH]
    assert verdict(rule, a=nearly, b=HIGH) == "reproduced" == verdict({**rule, "kind": "not_above", "of": ERROR_A, "than": ERROR_B}, a=HIGH, b=nearly)
    assert verdict(rule | {"margin": 0.02}, a=nearly, b=HIGH) == "contradicted"
    assert wording.sentence(rule) == "t/a accuracy is at most 0.1 below t/b accuracy"
    test = statistics.no_worse(nearly, HIGH, 0.1, statistics.compare)
    assert test.effect == pytest.approx(-0.05) and test.p_for == statistics.compare(nearly, HIGH, -0.1).p_for
    assert test.p_against == statistics.compare(HIGH, nearly, 0.1).p_for > 0.9 > statistics.compare(HIGH, nearly, 0.0).p_for


def test_p_against_does_not_hang_on_the_margin():
    """It is of a difference on the other side of 0: a margin that is far off makes that no likelier."""
    first, second = [0.1, 0.5, 0.6], [0.2, 0.4, 0.7]
    assert statistics.compare(first, second, 0.5).p_against == statistics.compare(first, second, 0.0).p_against > 0.3


def test_that_two_means_are_not_equivalent_may_show_on_either_side():
    """Of the two tests the better one counts, twice; a probability does not exceed 1."""
    first, second = [0.4, 0.5, 0.6, 0.7], [0.1, 0.2, 0.3, 0.35]
    one_sided = statistics.compare(first, second, 0.02).p_for
    for sides in ((first, second), (second, first)):
        assert statistics.equivalent(*sides, 0.02).p_against == pytest.approx(2 * one_sided) and 0 < one_sided < 0.5
    assert statistics.equivalent(first, first, 0.5).p_against == 1.0


def test_where_nothing_more_is_possible_the_same_success_says_nothing():
    """Thirty of thirty cannot be beaten by 0.3; but twelve of thirty are significantly fewer, whatever the room."""
    rule, all_of_them = {"kind": "success", "of": A, "than": B, "margin": 0.3}, [1.0] * 30
    found = rules.work_out(rule, Known(a=all_of_them, b=all_of_them), "X").findings[0]
    assert found.p_within < 0.001 and not found.room and found.verdict == "inconclusive" and "so good that a lead of 0.3 is impossible" in found.sentence
    assert rules.work_out(rule, Known(a=[0.0] * 30, b=[0.0] * 30), "X").verdict == "contradicted"
    found = rules.work_out(rule, Known(a=[1.0] * 12 + [0.0] * 18, b=all_of_them), "X").findings[0]
    assert found.verdict == "contradicted" and "impossible" not in found.sentence
    for better, first, second, room in (("higher", A, HIGH, False), ("higher", A, LOW, True), ("lower", ERROR_A, [0.05, 0.06], False),
                                        ("lower", ERROR_A, [0.5, 0.6], True), ("higher", ERROR_A, HIGH, True)):
        rule = {"kind": better, "of": first, "than": {**first, "run": "t/b"}, "margin": 0.1}
        assert rules.work_out(rule, Known(a=second, b=second), "X").findings[0].room == room, (better, first, second)


def test_p_within_the_margin_by_others():
    """Two one-sided tests, of counts by Newcombe's interval: at the level where it ends at the margin, p is half of what lies outside."""
    p = statistics.within((0, 10), (0, 10), 0.3, lambda one, other, by: statistics.compare_counts(*one, *other, by))
    assert statistics.newcombe(0, 10, 0, 10, level=1 - 2 * p)[1] == pytest.approx(0.3, abs=1e-4)
    assert statistics.within(HIGH, LOW, 0.0, statistics.compare) == 1.0
    first, second = np.random.default_rng(3).normal(0, 1, (2, 40))
    welch = max(stats.ttest_ind(first + 0.6, second, equal_var=False, alternative="greater").pvalue,
                stats.ttest_ind(first - 0.6, second, equal_var=False, alternative="less").pvalue)
    assert statistics.within(first, second, 0.6, statistics.compare) == pytest.approx(welch, rel=0.2)


def test_counts_must_differ_by_more_than_the_margin():
    """p is where Newcombe's interval reaches the margin; whatever the rates, so small a p for a difference at the margin is rare."""
    p = statistics.compare_counts(10, 10, 2, 10, 0.3).p_for
    assert statistics.newcombe(10, 10, 2, 10, 1 - 2 * p)[0] == pytest.approx(0.3, abs=1e-6)
    assert statistics.compare_counts(5, 10, 2, 10, 0.3).p_for == 1.0
    below = np.array([[statistics.compare_counts(one, 10, other, 10, 0.3).p_for < 0.05 for other in range(11)] for one in range(11)])
    for rate in np.linspace(0, 0.7, 15):
        chances = np.outer(stats.binom.pmf(range(11), 10, rate + 0.3), stats.binom.pmf(range(11), 10, rate))
        assert (chances * below).sum() <= 0.05


def test_what_other_members_score_is_students_t():
    """Of three members with mean 1 and deviation 1 the 95 % interval is 1 ± 4.303 / sqrt(3), cut off at what can be scored."""
    members, draws = np.array([[0.0, 1.0, 2.0]]), 20_000
    weights, alike = np.ones((draws, 1)), np.ones(draws)

    def drawn(ends):
        return statistics._Scores(lambda weights: members.repeat(len(weights), 0), ends).of_others(weights, alike, np.random.default_rng(0))

    low, high = stats.ttest_1samp(members[0], 0.0).confidence_interval(0.95)
    assert np.quantile(drawn((-math.inf, math.inf)), [0.025, 0.975]) == pytest.approx([low, high], rel=0.1)
    cut = drawn((0.5, 1.5))
    assert cut.min() == 0.5 and cut.max() == 1.5


def test_three_members_that_differ_by_chance_alone_decide_nothing_too_often():
    """Under no effect, and members that differ more than items, 5 % of tests say there is one; drawn with replacement 12 % do."""
    draw = np.random.default_rng(3)
    found = [statistics.items_against_limit(draw.normal(0, 1, (3, 1)) + draw.normal(0, 0.5, (3, 40)), 0.0, resamples=200).p_for
             for _ in range(300)]
    assert np.mean(np.array(found) < 0.05) <= 0.08 and np.mean(np.array(found) < 0.01) <= 0.03


@pytest.mark.long
def test_the_sample_that_varies_more_may_be_the_smaller_one():
    """Ten of deviation 3 against thirty of deviation 1, no effect: plain differences, permuted, find one in 13 % of the tests."""
    draw = np.random.default_rng(4)
    found = [statistics.compare(draw.normal(0, 3, 10), draw.normal(0, 1, 30), 0.0).p_for < 0.05 for _ in range(60)]
    assert np.mean(found) <= 0.1


@pytest.mark.parametrize("kind", ["ratio", "scored_items"])
def test_runs_on_other_test_items_are_compared_by_seeds(kind):
    """Where both have the same number of items these are drawn together; where not, what they are items of differs."""
    items, evidence = {"t/a": np.ones((10, 6)), "t/b": np.ones((10, 5))}, Known(a=HIGH, b=LOW)

    def of_items(reference):
        found = items[reference["run"]]
        return statistics.Ratio(found, np.ones_like(found)) if kind == "ratio" else found

    setattr(evidence, kind, of_items)
    rule = {"kind": "higher", "of": A, "than": B, "margin": 0.1}
    assert rules.work_out(rule, evidence, "X1").findings[0].test[:4] == statistics.compare(HIGH, LOW, 0.1)[:4]
    items["t/b"] = 0 * items["t/a"]
    assert rules.work_out(rule, evidence, "X1").findings[0].test.effect == 1.0


def test_intervals_are_those_of_welch():
    first, second = np.random.default_rng(5).normal(0, (1, 3), (8, 2)).T
    welch = stats.ttest_ind(first, second[:5], equal_var=False).confidence_interval()
    assert statistics.compare(first, second[:5], 0.0).interval == pytest.approx(tuple(welch))
    assert statistics.mean_against_limit(first, 0.0).interval == pytest.approx(tuple(stats.ttest_1samp(first, 0.0).confidence_interval()))
    assert statistics.compare([1.0, 1.0], [0.5, 0.5], 0.1).interval == (0.5, 0.5)


@pytest.mark.parametrize("rule", [{"kind": "above", "of": A, "limit": 0.5}, {"kind": "higher", "of": A, "than": B, "margin": 0.1},
                                  {"kind": "equivalent", "of": A, "than": B, "margin": 0.1}, {"kind": "leads", "of": A, "margin": 0.1}])
def test_one_seed_is_no_sample(rule):
    finding = rules.work_out(rule, Known(a=[1.0], b=HIGH), "X").findings[0]
    assert finding.verdict == "inconclusive" and "one seed is no sample" in finding.sentence


def test_members_and_items_of_an_analysis_are_drawn_together():
    """All words gain, but one seed in three loses more than the others win: no claim about other seeds."""
    gains = np.repeat(np.array([[0.3], [0.3], [-0.2]]), 40, 1) + np.random.default_rng(0).normal(0, 0.01, (3, 40))
    rule = {"kind": "above", "of": {"analysis": "x", "value": "n"}, "limit": 0.0}
    found = rules.work_out(rule, Known(n=gains), "X").findings[0]
    assert found.verdict == "inconclusive" and found.size == 40 and "(n=3×40)" in found.sentence
    assert rules.work_out(rule, Known(n=gains.mean(0)), "X").findings[0].verdict == "reproduced"


def test_counts_by_others():
    assert statistics.compare_counts(9, 10, 4, 10, 0.0).p_for == stats.boschloo_exact([[9, 4], [1, 6]], "greater").pvalue
    # Newcombe (1998), table II, example (a): 56/70 against 48/80, method 10
    assert statistics.newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert statistics.newcombe(10, 10, 0, 10) == pytest.approx((0.6075, 1.0), abs=5e-4)


def test_holm_by_hand():
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert statistics.holm([0.9, 0.6, 0.01]) == pytest.approx([1.0, 1.0, 0.03])  # no probability exceeds 1
    assert statistics.holm([]) == []


@given(st.lists(st.floats(0, 1, allow_subnormal=False), max_size=12))
def test_holm_never_lowers_and_keeps_the_order(values):
    adjusted = statistics.holm(values)
    assert all(after >= before for before, after in zip(values, adjusted))
    assert [adjusted[place] for place in np.argsort(values, kind="stable")] == sorted(adjusted)


def test_holm_is_taken_over_families():
    def worked(family, p):
        finding = Finding("", "", "", test=statistics.Test(1.0, (0.5, 1.5), p, 1.0), p_for=p, p_against=p / 2, p_within=p / 3)
        return SimpleNamespace(family=family), Outcome([finding]), None, None

    entries = [worked("one", 0.03), worked("one", 0.04), worked("two", 0.04)]
    _adjust(entries)
    found = [outcome.findings[0] for _, outcome, _, _ in entries]
    assert [finding.p_for for finding in found] == pytest.approx([0.06, 0.06, 0.04])
    assert [finding.p_against for finding in found] == pytest.approx([0.03, 0.03, 0.02])
    assert [finding.p_within for finding in found] == pytest.approx([0.02, 0.02, 0.04 / 3])


def test_what_the_correction_leaves_open_for_want_of_room_says_so():
    """Before it, 20 of 30 are significantly fewer than 29; after it they are not, and the lead of 0.3 had never been possible."""
    rule = {"kind": "success", "of": A, "than": B, "margin": 0.3}
    found = rules.work_out(rule, Known(a=[1.0] * 20 + [0.0] * 10, b=[1.0] * 29 + [0.0]), "X")
    assert found.verdict == "contradicted" and "impossible" not in found.findings[0].sentence
    others = [Finding("", "", "", test=statistics.Test(0.0, (0.0, 0.0), 1.0, 1.0)) for _ in range(99)]
    _adjust([(SimpleNamespace(family="one"), outcome, None, None) for outcome in (found, Outcome(others))])
    assert found.verdict == "inconclusive" and found.findings[0].sentence.endswith("; the second is so good that a lead of 0.3 is impossible")
    assert found.findings[0].sentence_zh.endswith("不可能再领先它 0.3")


def chunk_counts(correct, members=3, sentences=200):
    generator = np.random.default_rng(1)
    gold = np.full((members, sentences), 3)
    return statistics.Ratio(2 * generator.binomial(3, correct, (members, sentences)), 2 * gold)


def test_ratios_are_compared_over_members_and_sentences():
    better, worse = chunk_counts(0.95), chunk_counts(0.85)
    found = statistics.compare_ratios(better, worse, 0.02, resamples=500)
    assert found.p_for < 0.03 < 0.9 < found.p_against
    assert found.effect == pytest.approx((better.part.mean() - worse.part.mean()) / 6)
    assert found.interval[0] < found.effect < found.interval[1]
    assert statistics.compare_ratios(better, better, 0.0, resamples=500).p_for > 0.3
    assert statistics.compare_ratios(worse, better, 0.02, resamples=500).p_against < 0.02


def test_ratios_are_held_against_a_limit():
    """Four members cannot reach 5 % by flips of signs; sentences vary too, and are resampled."""
    counts = chunk_counts(0.95, members=4)
    assert statistics.ratio_against_limit(counts, 0.9, resamples=500).p_for < 0.01
    assert statistics.ratio_against_limit(counts, 0.99, resamples=500).p_against < 0.02
    rate = counts.part.mean() / 6
    low, high = statistics.ratio_against_limit(counts, 0.9, resamples=500).interval
    assert low < rate - 0.9 < high < low + 0.06


def test_ratios_may_lie_above_one():
    """Bits per character do; what other members might score is not cut off at 1, as it is where no score lies above."""
    windows = np.random.default_rng(6).normal(2.0, 0.3, (3, 50))
    bits = statistics.Ratio(10 * windows, np.full((3, 50), 10.0), most=math.inf)
    found, lower = statistics.ratio_against_limit(bits, 1.5, resamples=500), bits._replace(part=bits.part / 2)
    assert found.interval[0] < found.effect < found.interval[1] and found.p_for < 0.01 and found.effect == pytest.approx(0.5, abs=0.1)
    assert statistics.compare_ratios(bits, lower, 0.5, resamples=500).p_for < 0.01


@pytest.mark.parametrize("items", [5, 8, 30])
def test_few_items_vary_as_students_t_says(items):
    """One member: what is left is the mean of so many items, of which scipy knows the interval."""
    values = np.random.default_rng(items).standard_normal(items)
    found = statistics.items_against_limit(values[None], 0.0, 20_000)
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found.effect == pytest.approx(values.mean())
    assert found.interval[1] - found.interval[0] == pytest.approx(high - low, rel=0.12)  # no wider than the items there are, hence less


def test_a_ratio_is_worked_out_of_what_a_run_left(workplace, params):
    """Bits by window and labels by sentence; a diverged member has the worst there is, and a run without items none."""
    members = [{"learning_rate": 0.01, "diverged": None, "metrics": {}} for _ in range(3)]
    members[2]["diverged"] = {"step": 3, "cause": "loss is not finite"}
    for section, run in (("character_model", "tanh"), ("templates", "elman")):
        results.write_json(results.run_file(section, run), {"format": results.FORMAT, "tuned": None, "members": members})
    nats, characters = np.array([[1.0, 2.0], [2.0, 8.0], [np.nan, np.nan]], np.float32), np.full((3, 2), 4, np.int32)
    results.write_arrays(results.items_file("character_model", "tanh"), {"nats": nats, "characters": characters})
    words = {"accuracy_left": np.array([[3, 1], [2, 2], [0, 0]], np.uint8), "accuracy_left_words": np.array([[3, 2]] * 3, np.uint8)}
    results.write_arrays(results.items_file("templates", "elman"), words)
    evidence = Evidence(settings.parse(params))
    bits = evidence.ratio({"run": "character_model/tanh", "metric": "bits_per_character"})
    assert (bits.part.sum(1) / bits.whole.sum(1)).tolist() == pytest.approx([3 / 8 / math.log(2), 10 / 8 / math.log(2), 6.0])
    left = evidence.ratio({"run": "templates/elman", "metric": "accuracy_left"})
    assert (left.part.sum(1) / left.whole.sum(1)).tolist() == [0.8, 0.8, 0.0]
    members[2] = {"learning_rate": 0.01, "diverged": None, "metrics": {"bits_per_character": None}}  # in its last update, seen by nobody
    results.write_json(results.run_file("character_model", "tanh"), {"format": results.FORMAT, "tuned": None, "members": members})
    again = Evidence(settings.parse(params)).ratio({"run": "character_model/tanh", "metric": "bits_per_character"})
    assert (again.part == bits.part).all() and np.isfinite(again.part).all()
    results.items_file("templates", "elman").unlink()
    assert evidence.ratio({"run": "templates/elman", "metric": "accuracy_left"}) is None


def test_at_one_rate_of_several_a_run_is_judged_by_seeds(workplace, params):
    """Test items are kept of all rates' members together, and are not told apart."""
    members = [{"seed": 0, "learning_rate": rate, "diverged": None, "metrics": {"bits_per_character": rate, "exact": rate}}
               for rate in (0.01, 0.3)]
    counts = {"nats": np.ones((2, 3), np.float32), "characters": np.ones((2, 3), np.int32), "exact": np.ones((2, 4), np.int32)}
    evidence = Evidence(settings.parse(params))
    for section, run, metric in (("character_model", "tanh", "bits_per_character"), ("documents", "flat", "exact")):
        results.write_json(results.run_file(section, run), {"format": results.FORMAT, "tuned": None, "members": members})
        results.write_arrays(results.items_file(section, run), counts)
        reference = {"run": f"{section}/{run}", "metric": metric, "learning_rate": 0.3}
        assert evidence.ratio(reference) is None and evidence.scored_items(reference) is None
        assert evidence.values(reference).tolist() == [0.3]


def test_the_size_of_a_rule_is_that_of_its_smallest_sample(all_claims):
    findings = [Finding(str(size), "", "", passed=True, size=size) for size in (30, 10, 20)]
    nothing = SimpleNamespace(warnings=[], files=[])
    assert _entry(all_claims[0], Outcome([*findings, Finding("gone", "", "", missing="gone")]), None, nothing)["n"] == 10
    assert _entry(all_claims[0], Outcome([Finding("gone", "", "", missing="gone")]), None, nothing)["n"] == 0


@pytest.mark.parametrize(("interval", "before", "adjusted", "reason"), [
    ((-0.1, 0.1), (0.4, 0.5, 0.6), (1.0, 1.0, 1.0), "the data decide neither way"),
    ((0.01, 0.3), (0.3, 1.0, 0.4), (1.0, 1.0, 1.0), "the interval lies above 0, but not above the margin"),
    ((0.01, 0.05), (0.3, 1.0, 0.001), (1.0, 1.0, 0.02), "there is an effect, but a smaller one than the margin"),
    ((0.01, 0.05), (0.3, 1.0, 0.01), (1.0, 1.0, 0.3), "the interval lies above 0, but not above the margin"),
    ((0.2, 0.4), (0.01, 1.0, 1.0), (0.3, 1.0, 1.0), "what is claimed is significant only before the correction for the family"),
    ((-0.4, -0.2), (1.0, 0.01, 1.0), (1.0, 0.3, 1.0), "the opposite is significant only before the correction for the family"),
    ((-0.01, 0.02), (1.0, 0.6, 0.01), (1.0, 1.0, 0.3), "that there is no effect beyond the margin is significant only before the correction for the family")])
def test_it_is_said_how_a_part_is_open(interval, before, adjusted, reason):
    open_part = Finding("part, one", "x", "x", statistics.Test(0.1, interval, *before), size=5, p_for=adjusted[0], p_against=adjusted[1], p_within=adjusted[2])
    held = Finding("other", "x", "x", statistics.Test(0.1, interval, 0.001, 1.0), p_for=0.001)
    found = _decide(Outcome([open_part, held], "conditions"), None, SimpleNamespace(warnings=[]), {"part, one": "一项"})
    assert found[:2] == ("inconclusive", f"part, one: {reason}") and found[2].startswith("一项：")
    alone = dataclasses.replace(open_part, name="")
    assert _decide(Outcome([alone]), None, SimpleNamespace(warnings=[]), {})[1] == reason


@pytest.fixture
def crossed(workplace, params):
    """Two folds of one network on two seeds; returns what writes their records with changes of one's own, and what reads them."""
    params["tasks"]["slots"]["runs"] |= {f"crossed_{fold}": {"cell": "elman", "fold": fold} for fold in range(2)}
    counts = [{"correct": [[3, 1], [2, 2]], "predicted": [[4, 2], [4, 2]], "gold": [[4, 4], [4, 4]], "repeated": [[0, 1], [0, 1]]},
              {"correct": [[5], [1]], "predicted": [[5], [5]], "gold": [[5], [5]], "repeated": [[0], [0]]}]
    for fold, found in enumerate(counts):
        results.write_arrays(results.items_file("slots", f"crossed_{fold}"), {name: np.array(values, np.int32) for name, values in found.items()})

    def write(fold: int, **changes) -> None:
        members = [{"seed": seed, "learning_rate": 0.01, "diverged": None, "metrics": {"chunk_f1": 0.5}} for seed in range(2)]
        results.write_json(results.run_file("slots", f"crossed_{fold}"), {
            "format": results.FORMAT, "task": "slots", "run": f"crossed_{fold}", "tuned": None, "members": members,
            "settings": {"fold": fold, "hidden": 8}, **changes})

    for fold in range(2):
        write(fold)
    return write, Evidence(settings.parse(params))


CROSSED = {"run": "slots/crossed", "folds": 2, "metric": "chunk_f1"}


def test_folds_of_cross_validation_count_as_one_run(crossed):
    """Test items of all folds stand side by side, seed by seed."""
    write, evidence = crossed
    assert evidence.values(CROSSED).tolist() == pytest.approx([2 * 9 / (11 + 13), 2 * 5 / (11 + 13)])
    assert evidence.ratio(CROSSED).whole.tolist() == [[8, 6, 10], [8, 6, 10]]
    assert len(evidence.files) == 4
    assert evidence.values({**CROSSED, "metric": "chunk_f1_unrepeated"}).tolist() == pytest.approx([16 / 18, 6 / 18])
    assert wording.label(CROSSED) == "slots/crossed (2 folds) chunk F1" and "2 折" in wording.label(CROSSED, chinese=True)
    members = [{"seed": seed, "learning_rate": 0.01, "diverged": {"step": 3, "cause": "x"} if seed else None, "metrics": {}} for seed in range(2)]
    write(1, members=members)
    assert evidence.values(CROSSED).tolist() == pytest.approx([18 / 24, 8 / 24])  # the worst score on that fold, and no other


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"members": [{"seed": seed, "learning_rate": 0.01, "diverged": None, "metrics": {}} for seed in (0, 5)]}, "not trained on the same seeds"),
    ({"settings": {"fold": 0, "hidden": 8}}, "slots/crossed_1 has fold 0, not 1"),
    ({"settings": {"fold": 1, "hidden": 9}}, "slots/crossed_1 has other settings than slots/crossed_0")])
def test_folds_that_do_not_belong_together_are_not_put_together(crossed, changes, sentence):
    write, evidence = crossed
    write(1, **changes)
    with pytest.raises(Missing, match=sentence):
        evidence.values(CROSSED)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"metric": "loss"}, "cannot be put together from test items"), ({"folds": 3}, "slots/crossed_2 is not part of params"),
    ({"metric": "exact"}, "holds no 'exact'")])
def test_folds_of_which_something_is_missing_are_one_sentence(crossed, changes, sentence):
    with pytest.raises(Missing, match=sentence):
        crossed[1].values({**CROSSED, **changes})
    results.run_file("slots", "crossed_1").unlink()
    with pytest.raises(Missing, match="crossed_1"):
        crossed[1].values(CROSSED)


@pytest.mark.parametrize(("interval", "p", "negligible"), [
    ((-0.05, 0.05), 0.01, True), ((-0.05, -0.01), 0.01, True), ((0.01, 0.05), 0.01, False), ((-0.05, 0.05), 0.06, False)])
def test_what_lies_within_the_margin_and_not_above_zero_alone_is_no_effect(interval, p, negligible):
    finding = Finding("", "", "", statistics.Test(0.0, interval, 1.0, 1.0), p_within=p)
    assert finding.is_negligible == negligible
    assert finding.verdict == ("contradicted" if negligible else "inconclusive")


@pytest.mark.long
def test_intervals_cover_the_truth():
    """A 95 % interval of a difference of means covers it about 95 times in a hundred."""
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        low, high = statistics.compare(generator.normal(1, 1, 20), generator.normal(0, 1, 20), 0.0).interval
        hits += low <= 1 <= high
    assert 86 <= hits <= 99


# claims.yaml

@pytest.fixture(scope="module")
def all_claims():
    return claims.load(ROOT / "claims.yaml")


def test_all_claims_have_a_rule(all_claims):
    assert len(all_claims) == 42
    assert [claim.id[0] for claim in all_claims] == sorted(claim.id[0] for claim in all_claims)


def test_every_claim_is_said_in_both_languages(all_claims):
    for claim in all_claims:
        assert claim.section and claim.section_zh, claim.id  # "LSTM" is both
        for name in ("statement", "test"):
            assert getattr(claim, name) and any("一" <= letter <= "鿿" for letter in getattr(claim, f"{name}_zh")), claim.id
        assert bool(claim.differs) == bool(claim.differs_zh)


def test_cannot_and_training_claims_have_a_control(all_claims):
    for claim in all_claims:
        assert claim.rule["kind"] != "cannot" or claim.control, claim.id
        if claim.published:
            assert {"figure", "setup", "status"} <= set(claim.published) <= {"figure", "figure_zh", "setup", "setup_zh", "status"}
            assert claim.published["status"] in ("read", "notes", "unverified")


def leaves(rule):
    if "parts" in rule:
        return [leaf for part in rule["parts"].values() for leaf in leaves(part)]
    return [rule, *(leaves(rule["only_if"]) if "only_if" in rule else [])]


def test_what_claims_name_is_a_run_of_now_or_of_later(all_claims):
    """A slip would stay unseen: what a rule names and nobody knows is taken to be planned, and the claim is pending."""
    chosen = settings.load(ROOT / "params.yaml")
    for claim in all_claims:
        for leaf in leaves(claim.rule) + (leaves(claim.control) if claim.control else []):
            for reference in (leaf[key] for key in ("of", "than") if key in leaf):
                if "run" in reference:
                    for section, run in (name.split("/") for name in runs_of(reference)):
                        assert run in {*chosen.tasks[section].runs, *chosen.tasks[section].elsewhere}, (claim.id, reference)
                else:
                    assert reference["analysis"] in chosen.analyses, (claim.id, reference)


@pytest.mark.parametrize(("change", "complaint"), [
    ({"statment": "x"}, "X1.statment is no field of a claim; did you mean 'statement'?"),
    ({"rule": {"kind": "hihger", "of": A, "than": B, "margin": 0}}, "X1.rule.kind is 'hihger'; did you mean 'higher'?"),
    ({"rule": {"kind": "higher", "of": A, "than": B}}, "X1.rule.margin is missing"),
    ({"rule": {"kind": "higher", "of": A, "than": B, "margin": 0, "limit": 1}}, "X1.rule.limit is no part of a rule of kind higher"),
    ({"rule": {"kind": "above", "of": {"run": "a/b"}, "limit": 1}}, "X1.rule.of must name a run and a metric"),
    ({"rule": {"kind": "above", "of": A, "limit": "much"}}, "X1.rule.limit must be a number"),
    ({"rule": {"kind": "above", "of": A, "limit": math.nan}}, "X1.rule.limit must be a number, but is nan."),
    ({"rule": {"kind": "higher", "of": A, "than": B, "margin": math.inf}}, "X1.rule.margin must be a number, but is inf."),
    ({"rule": {"kind": "higher", "of": A, "than": B, "margin": -1}}, "X1.rule.margin must be at least 0, but is -1."),
    ({"rule": {"kind": "above", "of": {"run": 5, "metric": "m"}, "limit": 1}}, "X1.rule.of.run must be a word, but is 5."),
    ({"rule": {"kind": "above", "of": {"run": "a/b", "metric": "m", "folds": 1}, "limit": 1}}, "X1.rule.of.folds must be a whole number of at"),
    ({"rule": {"kind": "above", "of": {"run": "a/b", "metric": "accuracy", "folds": 2, "learning_rate": 0.1}, "limit": 1}}, "folds and a learning_rate"),
    ({"rule": {"kind": "above", "of": {"run": "lstm", "metric": "accuracy"}, "limit": 1}}, "X1.rule.of.run must name a section and one of its runs"),
    ({"rule": {"kind": "above", "of": {**A, "learning_rate": "x"}, "limit": 1}}, "X1.rule.of.learning_rate must be a number"),
    ({"rule": {"kind": "above", "of": {"analysis": ["x"], "value": "v"}, "limit": 1}}, "X1.rule.of.analysis must be a word"),
    ({"rule": {"kind": "exact", "analysis": ["x"]}}, "X1.rule.analysis must be the name of an analysis"),
    ({"rule": {"kind": "all", "parts": {"x": {"kind": "all", "parts": {}}}}}, "must be a mapping of named rules, not inside another"),
    ({"statement": 3}, "X1.statement has the wrong type"),
    ({"rule": {"kind": "above", "of": {**A, "metric": "perplexity"}, "limit": 1}}, "known whether more or less 'perplexity' is better; name it in"),
    ({"rule": {"kind": "success", "of": A, "than": B, "margin": 0.3}}, "X1.rule.of must be a success rate"),
    ({"rule": {"kind": "above", "of": {**A, "metric": "success"}, "limit": 5}}, "X1.rule.limit must lie between 0 and 1"),
    ({"rule": {"kind": "conditions", "parts": {20: {"kind": "exact", "analysis": "x"}}}}, "X1.rule.parts.20 must be a name in words"),
    ({"published": {"figur": 0.9}}, "X1.published.figur is no part of a published figure; did you mean 'figure'?"),
    ({"published": {"figure": "0.9", "setup": "x"}}, "X1.published.status is missing"),
    ({"published": {"figure": "0.9", "setup": "x", "status": "guessed"}}, "X1.published.status is 'guessed'"),
])
def test_a_slip_in_claims_is_named(tmp_path, change, complaint):
    words = dict.fromkeys(("section", "section_zh", "statement", "statement_zh", "test", "test_zh", "family"), "x")
    tree = {"X1": {**words, "rule": {"kind": "exact", "analysis": "a"}, **change}}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    with pytest.raises(claims.ClaimError) as error:
        claims.load(tmp_path / "claims.yaml")
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_the_hash_of_a_rule_sees_the_margin_and_not_the_words(all_claims):
    import dataclasses

    claim = next(claim for claim in all_claims if claim.id == "A7")
    assert dataclasses.replace(claim, statement="other words").rule_hash == claim.rule_hash
    changed = {**claim.rule, "parts": {**claim.rule["parts"], "ATIS equal width": {**claim.rule["parts"]["ATIS equal width"], "margin": 0.005}}}
    assert dataclasses.replace(claim, rule=changed).rule_hash != claim.rule_hash


# evidence

@pytest.fixture
def run_on_disk(workplace, params):
    """A run tasks.adding.runs.tanh with three members, one of them diverged."""
    def member(seed, error, diverged=None):
        return {"seed": seed, "learning_rate": 0.01, "metrics": {"mean_squared_error": error, "success": 1.0}, "diverged": diverged}

    def write(stale=False):
        results.write_json(results.run_file("adding", "tanh"), {
            "format": results.FORMAT, "task": "adding", "run": "tanh", "tuned": {"learning_rate": 0.01, "stale": stale},
            "members": [member(0, 0.1), member(1, 0.2), member(2, None, {"step": 3, "cause": "loss is not finite"})]})
        return Evidence(settings.parse(params))

    return write


def test_a_diverged_member_scores_worst(run_on_disk):
    evidence = run_on_disk()
    reference = {"run": "adding/tanh", "metric": "mean_squared_error"}
    assert evidence.values(reference).tolist() == [0.1, 0.2, 1.0]
    assert evidence.values({**reference, "metric": "success"}).tolist() == [1.0, 1.0, 0.0]
    assert evidence.files == [str(results.run_file("adding", "tanh"))] and not evidence.warnings
    assert evidence.values({**reference, "learning_rate": 0.01}).size == 3
    for wrong in ({**reference, "metric": "accuracy"}, {**reference, "learning_rate": 0.5}):
        with pytest.raises(Missing) as missing:
            evidence.values(wrong)
        assert not missing.value.pending


def test_a_diverged_member_is_no_better_than_any_that_finished(run_on_disk):
    path = results.run_file("adding", "tanh")
    run_on_disk()
    record = results.read_result(path)
    record["members"][0]["metrics"]["mean_squared_error"] = 7.0
    results.write_json(path, record)
    evidence = Evidence(settings.parse(settings.read_yaml(ROOT / "params.yaml")))
    assert evidence.values({"run": "adding/tanh", "metric": "mean_squared_error"}).tolist() == [7.0, 0.2, 7.0]


def test_which_way_is_better_must_be_known():
    assert scores.worst("error_repeats", np.array([0.2])) == 1.0 and scores.worst("exact_match", np.array([0.2])) == 0.0
    assert scores.worst("bits_per_character", np.array([129.0])) == 129.0 and scores.worst("length_error", np.array([0.3])) == 10.0
    with pytest.raises(ValueError, match="it is not known whether more or less 'loudness' is better"):
        scores.worst("loudness", np.array([0.2]))


def test_a_stale_rate_is_noted_once(run_on_disk):
    evidence = run_on_disk(stale=True)
    for _ in range(2):
        evidence.values({"run": "adding/tanh", "metric": "success"})
    warning, = evidence.warnings
    assert "make tune" in warning and len(evidence.warnings_zh) == 1


def test_a_stale_rate_is_noted_of_what_an_analysis_read(run_on_disk):
    evidence = run_on_disk(stale=True)
    results.write_json(results.analysis_file("surfaces"), {"format": results.FORMAT, "values": {"a": 1.0}, "runs": ["adding/tanh", "adding/gone"]})
    evidence.analysis("surfaces")  # its exact checks, which rest on no rate
    assert not evidence.warnings
    evidence.values({"analysis": "surfaces", "value": "a"})
    assert "adding/tanh was tuned with other settings" in evidence.warnings[0] and len(evidence.warnings) == 1


def test_what_is_not_in_params_is_pending_and_what_was_not_run_is_missing(workplace, params):
    evidence = Evidence(settings.parse(params))
    for reference, pending in ((A, True), ({"run": "adding/later", "metric": "success"}, True), ({"analysis": "later", "value": "x"}, True),
                               ({"run": "adding/tanh", "metric": "success"}, False), ({"analysis": "error_surface", "value": "x"}, False)):
        with pytest.raises(Missing) as missing:
            evidence.values(reference)
        assert missing.value.pending == pending
    with pytest.raises(Missing, match=r"adding/tahn is not part of params\.yaml yet \(did you mean adding/tanh\?\)"):
        evidence.values({"run": "adding/tahn", "metric": "success"})


def test_items_and_seeds_are_resampled_against_a_limit():
    """Members that differ by more than chance would allow widen the interval; items alone give the binomial one."""
    draw = np.random.default_rng(1)
    alike = (draw.random((3, 500)) < 0.95).astype(float)
    test = statistics.items_against_limit(alike, 0.9)
    assert test.p_for < 0.02 < test.p_against and test.interval[0] > 0
    apart = np.vstack([np.ones((2, 500)), np.zeros((1, 500))])
    wide = statistics.items_against_limit(apart, 0.9)
    assert wide.interval[1] - wide.interval[0] > 0.5 and wide.p_for > 0.05
    mirrored = statistics.items_against_limit(1 - alike, 0.1)
    assert mirrored.p_against < 0.02 and mirrored.effect == pytest.approx(-test.effect)


def test_two_runs_are_compared_by_items_and_seeds():
    """The same items for both: what is hard for both does not widen the interval; members that differ do."""
    draw = np.random.default_rng(2)
    hard = draw.random(400) < 0.5
    first, second = np.tile(hard | (draw.random(400) < 0.3), (3, 1)).astype(float), np.tile(hard, (3, 1)).astype(float)
    test = statistics.compare_items(first, second, 0.05)
    assert test.effect == pytest.approx(first.mean() - second.mean()) and test.p_for < 0.01 < test.p_against
    assert test.interval[1] - test.interval[0] < 0.08 < 2 * 1.96 * np.sqrt(2 * 0.25 / 400)  # the last as if items were not the same
    apart = np.vstack([first[:2], np.zeros((1, 400))])
    assert statistics.compare_items(apart, second, 0.05).p_for > 0.05
    assert statistics.compare_items(second, first, 0.05).p_against < 0.01
    assert statistics.compare_items(first, first, 0.05).p_for > 0.5


def test_no_number_of_draws_makes_a_p_of_zero_and_p_against_does_not_hang_on_the_margin():
    """The data themselves count as one draw; p against is of a difference on the other side of 0, with whatever margin."""
    items = np.random.default_rng(7).random((3, 60))
    found, opposite = (statistics.compare_items(*sides, 0.1, resamples=99) for sides in ((items + 5.0, items), (items, items + 5.0)))
    assert (found.p_for, found.p_against) == (opposite.p_against, opposite.p_for) == (1 / 100, 1.0)
    other = np.random.default_rng(8).random((3, 60))
    wide, none = (statistics.compare_items(items, other, margin, resamples=200) for margin in (0.1, 0.0))
    assert wide.p_against == none.p_against and wide.p_for > none.p_for


@pytest.mark.parametrize("seeds", [3, 8])
def test_a_limit_is_tested_by_items_too(workplace, params, seeds):
    settings_now = settings.parse(params)
    record = {"format": results.FORMAT, "tuned": None, "members": [
        {"metrics": {"exact_match": 0.97}, "diverged": None, "learning_rate": 0.01} for _ in range(seeds)]}
    results.write_json(results.run_file("translation", "encoder_decoder"), record)
    exact = (np.arange(1000) < 970).astype(np.float32)[None].repeat(seeds, 0)
    results.write_arrays(results.items_file("translation", "encoder_decoder"), {"exact": exact})
    rule = {"kind": "above", "of": {"run": "translation/encoder_decoder", "metric": "exact_match"}, "limit": 0.9}
    assert rules.work_out(rule, Evidence(settings_now), "F4").verdict == "reproduced"
    assert rules.work_out({**rule, "kind": "below"}, Evidence(settings_now), "F4").verdict == "contradicted"
    record["members"][0]["diverged"] = {"step": 3, "cause": "loss is not finite"}  # its items are those of weights that stood still
    results.write_json(results.run_file("translation", "encoder_decoder"), record)
    assert Evidence(settings_now).scored_items(rule["of"]).mean(1).tolist() == pytest.approx([0.0] + [0.97] * (seeds - 1))
    assert rules.work_out(rule, Evidence(settings_now), "F4").verdict == "inconclusive"


def test_items_that_hang_together_are_resampled_as_one(workplace, params):
    """A document and its swapped one stand or fall by the same clauses."""
    exact = np.array([[1, 1, 0, 1, 0, 0]], np.int32)
    member = {"learning_rate": 0.01, "diverged": None, "metrics": {}}
    results.write_json(results.run_file("documents", "flat"), {"format": results.FORMAT, "members": [member]})
    results.write_arrays(results.items_file("documents", "flat"), {"exact": exact})
    evidence = Evidence(settings.parse(params))
    assert evidence.scored_items({"run": "documents/flat", "metric": "exact"}).tolist() == [[1.0, 0.5, 0.0]]
    assert evidence.scored_items({"run": "documents/flat", "metric": "exact_swapped"}).tolist() == [[1.0, 0.0, 0.0]]


def test_without_any_result_nothing_is_reproduced(workplace, params, all_claims):
    verdicts = judge(all_claims, settings.parse(params))
    assert {entry["verdict"] for entry in verdicts.values()} == {"inconclusive", "pending"}
    assert verdicts["F7"]["verdict"] == "pending" and verdicts["E8"]["verdict"] == "inconclusive"
    needed = {"verdict", "statement", "observed", "interval", "n", "rule", "control", "published", "evidence"}
    assert all(needed <= set(entry) for entry in verdicts.values())
    assert all(math.isfinite(entry["n"]) for entry in verdicts.values())
