"""How sure a verdict may be: answers that all agree, rates that are stale, scores that are no counts; and what values are called."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT
from scipy import stats

from unrolled import results, scores, significance, verifying
from unrolled.judging import _decide, claims, rules, value_names, wording
from unrolled.judging.evidence import Evidence, Missing
from unrolled.judging.rules import Finding, Outcome

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_where_all_answers_agree_items_are_counted(score):
    """Three members of ten items that agree everywhere are ten trials: no interval of no width, no p of one draw in thousands."""
    found = significance.items_against_limit(np.full((3, 10), score), 0.95)
    exact = stats.binomtest(int(10 * score), 10, 0.95, alternative="greater")
    interval = exact.proportion_ci(method="exact")
    assert found.p_for == pytest.approx(exact.pvalue)
    low, high = stats.binomtest(int(10 * score), 10).proportion_ci(method="exact")
    assert found.interval == pytest.approx((low - 0.95, high - 0.95)) and interval.low <= score
    assert found.effect == pytest.approx(score - 0.95)


def test_differences_that_are_all_none_are_not_certain():
    found = significance.items_against_limit(np.zeros((3, 40)), -0.05)
    assert found.p_for == pytest.approx(0.95**40) and found.p_against == 1
    low, high = (end - 0.05 for end in found.interval)  # as a card has it: the limit is added
    assert low == pytest.approx(-high) and high == pytest.approx(1 - 0.025 ** (1 / 40))


def test_one_answer_that_differs_is_resampled():
    items = np.ones((3, 50))
    items[1, 7] = 0
    found = significance.items_against_limit(items, 0.5)
    assert found.interval[0] < found.effect < found.interval[1] and found.p_for < 0.001


@pytest.mark.parametrize(("items", "limit"), [(20, 0.9), (76, 0.95)])
def test_one_wrong_answer_makes_nothing_surer(items, limit):
    """Draws hardly vary where one answer of hundreds is wrong: the p value jumped to one of the number of draws."""
    right = np.ones((10, items))
    scores = right.copy()
    scores[3, 4] = 0
    best = stats.binomtest(items, items, limit, alternative="greater").pvalue
    assert significance.items_against_limit(right, limit).p_for == pytest.approx(best)
    found = significance.items_against_limit(scores, limit)
    assert found.p_for >= best and found.interval[0] <= stats.binomtest(items, items).proportion_ci(method="exact").low - limit
    assert significance.items_against_limit(1 - scores, 1 - limit).p_against >= best * 0.999
    ratio = significance.Ratio(scores, np.ones_like(scores))
    assert significance.ratio_against_limit(ratio, limit).p_for >= best
    doubled = significance.Ratio(2 * scores, np.ones_like(scores), most=2.0)
    assert significance.ratio_against_limit(doubled, 2 * limit).p_for >= best


def test_sentences_without_a_chunk_are_no_trials():
    """All of twenty chunks are right, in twenty of a hundred sentences: that is as sure as twenty trials, not as a hundred."""
    whole = np.zeros((3, 100))
    whole[:, :20] = 1
    found = significance.ratio_against_limit(significance.Ratio(whole, whole), 0.9, resamples=200)
    assert found.p_for == pytest.approx(0.9**20) and found.interval[0] == pytest.approx(0.025 ** (1 / 20) - 0.9)


def test_a_sample_that_does_not_vary_is_no_complaint(recwarn):
    found = significance.compare([0.3] * 6, [0.1, 0.2, 0.15, 0.1, 0.12, 0.2], 0.0)
    assert not recwarn.list and found.interval[0] < found.effect < found.interval[1]


def test_items_are_drawn_with_replacement():
    """As many as there are in each draw, and as often as others: of mean 1 and the variance of a multinomial."""
    drawn = significance._drawn(30, 20_000, np.random.default_rng(0))
    assert (drawn.sum(1) == 30).all() and drawn.mean(0) == pytest.approx(np.ones(30), abs=0.03)
    assert drawn.var() == pytest.approx(1 - 1 / 30, rel=0.02)
    assert np.cov(drawn[:, 0], drawn[:, 1])[0, 1] == pytest.approx(-1 / 30, abs=0.02)


class Given:
    """Evidence that is simply given."""

    def __init__(self, **known):
        self.known = known

    def values(self, reference):
        return np.asarray(self.known[reference["run"].partition("/")[2]], float)


@pytest.mark.parametrize("values", [[0.9, 0.9, 0.3], np.ones((3, 5))])
def test_what_is_no_yes_or_no_is_not_counted(values):
    rule = {"kind": "success", "margin": 0.3, **{key: {"run": f"t/{key}", "metric": "success"} for key in ("of", "than")}}
    found = rules.work_out(rule, Given(of=values, than=[0.0, 1.0, 0.0]), "X").findings[0]
    assert found.verdict == "inconclusive" and "is not a yes or no for each member" in found.missing


def test_an_exact_check_of_a_run_with_a_stale_rate_is_no_proof(workplace):
    results.write_json(results.run_file("t", "tagger"), {"format": results.FORMAT, "tuned": {"stale": True}})
    check = {"claim": "X", "name": "n", "expected": 1, "observed": 1, "tolerance": 0, "passed": True}
    for run, verdict in (("", "reproduced"), ("t/tagger", "inconclusive")):
        results.write_json(results.analysis_file("a"), {"format": results.FORMAT, "checks": [{**check, "run": run}], "values": {}, "runs": []})
        evidence = Evidence(SimpleNamespace(analyses={"a": None}))
        outcome = rules.work_out({"kind": "exact", "analysis": "a"}, evidence, "X")
        assert _decide(outcome, None, evidence, {})[0] == verdict and bool(evidence.warnings) == bool(run)


def test_a_rule_of_which_nothing_could_be_tested_does_not_hold_in_part():
    silent = Finding("part", "s", "s", significance.Test(0.0, (-0.1, 0.1), 0.5, 0.5), room=False, size=3)
    verdict, reason, _ = _decide(Outcome([silent], "conditions"), None, SimpleNamespace(warnings=[]), {})
    assert verdict == "inconclusive" and "hold" not in reason


def test_a_condition_of_an_exact_rule_is_said():
    rule = {"kind": "exact", "analysis": "a", "only_if": {"kind": "above", "of": {"run": "t/r", "metric": "success"}, "limit": 0.5}}
    assert wording.sentence(rule) == "all exact checks of a hold (counts only if t/r success lies above 0.5)"


def test_a_verdict_that_rests_on_no_effect_may_lie_near_its_margin_too():
    finding = {"p_for": 1.0, "p_against": 1.0, "p_within": 0.052}
    assert verifying.near_margin({"findings": [finding]}) and not verifying.near_margin({"findings": [{**finding, "p_within": 0.5}]})


def leaves(rule):
    parts = rule["parts"].values() if "parts" in rule else [rule]
    for part in parts:
        yield part
        if "only_if" in part:
            yield part["only_if"]


NAMED = sorted({(reference["analysis"], reference["value"]) for claim in claims.load(ROOT / "claims.yaml")
                for rule in (claim.rule, claim.control) if rule for leaf in leaves(rule)
                for reference in (leaf.get("of", {}), leaf.get("than", {})) if "analysis" in reference})


@pytest.mark.parametrize(("analysis", "name"), NAMED)
def test_every_value_that_a_rule_names_is_said_in_words(analysis, name):
    english, chinese = (value_names.value(analysis, name, language) for language in (False, True))
    assert "_" not in english + chinese and ":" not in english.replace("digits:", "").replace("Mandarin:", "").replace("merged:", "").replace("CTC:", "")
    assert re.search("[一-鿿]", chinese) and not re.search("[一-鿿]", english) and not re.search("[{}]", english + chinese)


def test_values_of_different_names_are_told_apart():
    for language in (False, True):
        assert len({value_names.value(*named, language) for named in NAMED}) == len(NAMED)


def test_a_value_of_ones_own_is_called_by_its_own_name():
    assert value_names.value("mine", "share") == "mine:share" == value_names.value("mine", "share", chinese=True)


def test_a_metric_of_ones_own_is_named_before_anything_runs():
    rule = {"kind": "above", "of": {"run": "t/r", "metric": "perplexity"}, "limit": 1}
    with pytest.raises(claims.ClaimError, match=r"^X\.rule\.of\.metric: it is not known whether more or less 'perplexity' is better; name it in"):
        claims.check_rule(rule, "X.rule")
    with pytest.raises(ValueError, match="perplexity"):
        scores.is_lower_better("perplexity")


def test_a_share_is_no_success():
    with pytest.raises(Missing, match="is not a yes or no"):
        rules._counts(np.array([0.5]), {"run": "t/r", "metric": "success"})
