"""Cards of claims: their order, their numbers in both languages, their dots, and the way back to code and command."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
import yaml
from conftest import ROOT

from unrolled import results, settings
from unrolled.analyses import lstm_examples, worked_examples
from unrolled.judging import claims
from unrolled.judging.evidence import Evidence
from unrolled.judging.wording import sentence
from unrolled.reporting import cards, exact_checks, links, rates, strips, words

pytestmark = pytest.mark.unit
CLAIMS = claims.load(ROOT / "claims.yaml")
REFERENCE = results.read_result(ROOT / "reference" / "verdicts.json")["claims"]


def numbers(text: str) -> Counter:
    return Counter(float(found) for found in re.findall(r"\d*\.?\d+(?:e[-+]?\d+)?", text))


def test_numbers_are_found():
    assert numbers("T 50: .05 of 3e-05, 10/15") == Counter([50.0, 0.05, 3e-05, 10.0, 15.0])


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_numbers_are_the_same_in_both_languages(claim):
    for name in ("statement", "test", "differs", "change", "settle"):
        assert numbers(getattr(claim, name)) == numbers(getattr(claim, f"{name}_zh")), name
    for name, chinese in claim.parts_zh.items():
        assert numbers(name) == numbers(chinese)
    for name in ("figure", "setup"):
        published = claim.published or {}
        assert numbers(published.get(name, "")) == numbers(published.get(f"{name}_zh", published.get(name, ""))), name


@pytest.mark.parametrize("name", REFERENCE)
def test_what_was_judged_has_the_same_numbers_in_both_languages(name):
    entry = REFERENCE[name]
    pairs = [(part[key], part[f"{key}_zh"]) for part in [*entry["findings"], entry["control"] or {}] for key in ("sentence", "observed") if key in part]
    for english, chinese in [*pairs, (entry["rule"], entry["rule_zh"]), (entry["observed"], entry["observed_zh"])]:
        assert numbers(english) == numbers(chinese)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_what_is_not_calculated_has_a_control(claim):
    parts = claim.rule.get("parts", {}).values()
    assert claim.rule["kind"] == "exact" or claim.control or any("only_if" in part for part in parts)


def test_every_part_of_a_rule_and_every_task_and_section_speaks_chinese(params):
    for claim in CLAIMS:
        assert set(claim.parts_zh) == {*claim.rule.get("parts", {}), *(claim.control or {}).get("parts", {})}, claim.id
        setup = (claim.published or {}).get("setup", "")
        assert "setup_zh" in (claim.published or {}) or not re.search(r"[a-z]{3}", setup), claim.id
    assert set(params["tasks"]) == set(words.TASKS_ZH)
    assert {claim.section for claim in CLAIMS} == set(words.SECTIONS)


def test_a_name_of_no_part_is_refused(tmp_path):
    tree = yaml.safe_load((ROOT / "claims.yaml").read_text(encoding="utf-8"))
    tree = {"A5": {**tree["A5"], "parts_zh": {"two layer": "两层"}}}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    with pytest.raises(claims.ClaimError, match=r"A5\.parts_zh\.two layer is no part of the rule; did you mean"):
        claims.load(tmp_path / "claims.yaml")


def test_chinese_names_are_no_change_of_a_rule():
    claim = next(claim for claim in CLAIMS if claim.id == "A3")
    assert claim.parts_zh and claim.rule_hash == REFERENCE["A3"]["rule_hash"]


def test_cards_follow_the_lecture():
    order = cards.in_lecture_order({claim.id: {"section": claim.section} for claim in CLAIMS} | {"Z": {"section": "elsewhere"}})
    assert order[:4] == ["A3", "A1", "A2", "A4"] and order[-2:] == ["F12", "Z"]


def test_commands_name_what_the_evidence_needs(params):
    found = links.origins([*REFERENCE["A5"]["evidence"], *REFERENCE["A3"]["evidence"], *REFERENCE["E2"]["evidence"]])
    assert links.commands(found) == ['make record SECTION=character_model RUNS="elman_2 elman_1 elman_3 elman_2_wide elman_1_wide"',
                                     "dvc repro train@templates train@slots analyse@surfaces judge report"]


@pytest.fixture(scope="module")
def chosen() -> settings.Settings:
    return settings.load(ROOT / "params.yaml")


@pytest.mark.parametrize("name", REFERENCE)
def test_every_link_to_code_leads_to_a_file(name, chosen, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = links.origins(REFERENCE[name]["evidence"])
    assert len(links.code(found, chosen)) >= 2
    assert all((ROOT / "report" / links.address(path)).resolve().is_file() for path in links.code(found, chosen))
    assert set(found.tasks) <= set(chosen.tasks) and set(found.analyses) <= set(chosen.analyses)


def test_what_does_not_exist_is_no_link(workplace):
    assert links.address("src/unrolled/nothing.py") == ""


class Values(Evidence):
    """Evidence with given values."""

    def __init__(self, **values):
        self.given = values

    def values(self, reference):
        return np.array(self.given[reference["run"]], float)


def reference(run, metric="accuracy"):
    return {"run": run, "metric": metric}


def test_dots_lie_where_their_values_are():
    rule = {"kind": "higher", "of": reference("a"), "than": reference("b"), "margin": 0.1}
    found = strips.strip(rule, {"interval": [0.0, 0.4], "effect": 0.2}, Values(a=[0.5, 1.0], b=[0.0, 0.0]))
    first, second = found["rows"]
    assert [dot["x"] for dot in first["dots"]] == [50, 97] and [dot["x"] for dot in second["dots"]] == [3, 3]
    assert first["mean"] == 73.5 and [end["text"] for end in found["ends"]] == ["0", "1"]
    assert found["effect"]["interval"] == {"low": 3, "high": 97, "middle": 50} and found["effect"]["zero"] == 3
    assert found["effect"]["rules"] == [{"x": 26.5, "text": "0.1"}]


@pytest.mark.parametrize(("kind", "interval", "effect"), [("above", [-0.3, -0.1], -0.2), ("below", [0.1, 0.3], 0.2)])
def test_a_limit_stands_on_the_scale_of_the_values(kind, interval, effect):
    """The interval of a finding counts from the limit, in the claim's direction; drawn is that of the mean."""
    rule = {"kind": kind, "of": reference("a"), "limit": 0.5}
    found = strips.strip(rule, {"interval": interval, "effect": effect}, Values(a=[0.2, 0.4]))
    assert found["ends"] == [{"x": 3, "text": "0.2"}, {"x": 97, "text": "0.5"}] and found["rules"] == [{"x": 97, "text": "0.5"}]
    assert found["interval"] == {"low": 3, "high": 65.67, "middle": 34.33}


def test_a_difference_stands_where_it_is_and_its_margin_beside_it():
    found = strips.strip({"kind": "leads", "of": reference("a"), "margin": 0.3}, {"interval": [0.0, 0.2], "effect": 0.1}, Values(a=[0.0, 0.2]))
    assert found["ends"] == [{"x": 3, "text": "0"}, {"x": 97, "text": "0.3"}] and found["rows"][0]["name"] == "a accuracy"
    assert found["interval"] == {"low": 3, "high": 65.67, "middle": 34.33} and found["rules"] == [{"x": 97, "text": "0.3"}]


def test_what_happened_or_did_not_is_a_bar_and_many_values_a_histogram():
    counted = strips.strip({"kind": "cannot", "of": reference("a", "success"), "limit": 0.5}, {"interval": [-0.5, 0.0], "effect": -0.25},
                           Values(a=[0, 1, 0, 0]))
    assert counted["rows"][0]["share"] == {"x": 3, "width": 23.5} and not counted["rows"][0]["dots"]
    many = strips.strip({"kind": "above", "of": reference("a"), "limit": 0.5}, {"interval": [-0.5, 0.0], "effect": -0.25},
                        Values(a=np.linspace(0, 1, 200)))
    assert sum(bar["text"] for bar in many["rows"][0]["bars"]) == 200 and not many["rows"][0]["dots"]


def test_equal_values_stand_in_the_middle():
    found = strips.strip({"kind": "equivalent", "of": reference("a"), "than": reference("b"), "margin": 0.1}, {"interval": [0, 0], "effect": 0},
                         Values(a=[1, 1], b=[1]))
    assert {dot["x"] for row in found["rows"] for dot in row["dots"]} == {50} and len(found["ends"]) == 1
    assert [mark["x"] for mark in found["effect"]["rules"]] == [3, 97]


def test_of_seeds_and_items_each_seed_is_a_dot():
    rule = {"kind": "above", "of": reference("a"), "limit": 0.1}
    found = strips.strip(rule, {"interval": [0.0, 0.2], "effect": 0.1}, Values(a=[[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]))
    assert [dot["text"] for dot in found["rows"][0]["dots"]] == ["0.25", "0.25", "0"]
    alone = strips.strip(rule, {"interval": [0.0, 0.2], "effect": 0.1}, Values(a=[[0, 0, 1, 0]]))
    assert [dot["text"] for dot in alone["rows"][0]["dots"]] == ["0", "0", "1", "0"]


def exact(name, expected, observed, passed=True):
    return {"claim": "C3", "name": name, "expected": expected, "observed": observed, "tolerance": 0.1, "passed": passed}


def test_exact_checks_say_what_was_computed_and_what_it_should_be():
    claim = next(claim for claim in CLAIMS if claim.id == "C3")
    found = {"worked_examples": {"checks": [
        exact("LSTM over Elman layer", 4, 4.0), exact("outputs", [[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.5]], False), exact("yes", True, False, False),
        exact("many", [0.0] * 9, [1e-9] * 9), exact("the same", [1.0] * 9, [1.0] * 9), exact("answers", [True] * 8, [True] * 7 + [False]),
        {**exact("of another claim", 1, 1), "claim": "A1"}]}}
    rows = [(check["name_zh"], *check["expected"], *check["observed"], check["passed"]) for check in exact_checks.of_claim(claim, "C3", found)]
    assert rows == [
        ("LSTM 层与 Elman 层的参数量之比", "4", "4", "4", "4", True), ("输出", "1, 2, 3, 4", "1, 2, 3, 4", "1, 2, 3, 4.5", "1, 2, 3, 4.5", False),
        ("yes", "✓", "✓", "✗", "✗", False), ("many", "9 numbers", "9 个数", "the same within 1e-09", "相差不超过 1e-09", True),
        ("the same", "9 numbers", "9 个数", "the same", "相同", True), ("answers", "8 answers", "8 个判断", "7 agree", "7 个一致", True)]
    assert exact_checks.of_claim(None, "C3", found) == [] == exact_checks.of_claim(claim, "C3", {})


@pytest.mark.parametrize(("observed", "shown"), [([1.0] * 6 + [None], "not all are numbers"), ([1.0] * 8, "8")])
def test_a_check_that_computed_no_number_or_more_is_shown(observed, shown):
    assert exact_checks._values({"expected": [1.0] * 7, "observed": observed})["observed"][0] == shown


def test_every_worked_example_speaks_chinese():
    checks = [check for part in (
        worked_examples.all_ones, worked_examples.another_order, worked_examples.shared_weight, worked_examples.three_gradients,
        lstm_examples.gates, lstm_examples.lstm_example, lstm_examples.parameter_counts, lstm_examples.scalar_cells) for check in part().checks]
    assert checks and not [check.name for check in checks if exact_checks.in_chinese(check.name) == check.name]


def test_exact_checks_have_no_dots():
    assert strips.strip({"kind": "exact", "analysis": "x"}, {"n": 2}, Values()) is None


def test_rates_at_an_end_of_the_grid_are_named(workplace):
    found = {"higher_is_better": True, "scores": {"0.01": [1.0], "0.1": [2.0], "0.03": [1.5]}}
    scores = {"adding": {"gru": found, "lstm": found}}
    for run, rate in (("gru", 0.1), ("lstm", 0.03), ("own", None)):
        results.write_json(results.run_file("adding", run), {
            "format": results.FORMAT, "task": "adding", "run": run, "tuned": rate and {"learning_rate": rate, "stale": False}})
    paths = [str(results.run_file("adding", run)) for run in ("gru", "lstm", "own")] + ["results/analyses/surfaces/result.json"]
    assert rates.at_an_end(paths, scores) == ["adding/gru 0.1"]


def test_a_control_is_shown_part_by_part_in_both_languages():
    claim = next(claim for claim in CLAIMS if claim.id == "D2")
    name = next(iter(claim.control["parts"]))
    found = {"name": name, "verdict": "reproduced", "sentence": "it is 3", "sentence_zh": "为 3"}
    control = {"sentence": f"[{name}] a", "sentence_zh": f"[{name}] b", "observed": "", "observed_zh": "", "passed": True, "findings": [found]}
    shown = cards._control({"control": control, "rule_hash": claim.rule_hash}, claim)
    assert shown["sentence_zh"] == f"[{claim.parts_zh[name]}] b" and shown["parts"] == [
        {**found, "name_zh": claim.parts_zh[name], "rule": sentence(claim.control["parts"][name]),
         "rule_zh": sentence(claim.control["parts"][name], chinese=True)}]
    stale = cards._control({"control": control, "rule_hash": "another"}, claim)  # what was judged is no longer what is written
    assert stale["parts"] == [{**found, "name_zh": claim.parts_zh[name]}]
    whole = {**control, "findings": [{**found, "name": ""}]}  # of one part, which has no name
    assert cards._control({"control": whole, "rule_hash": claim.rule_hash}, claim)["parts"] == []
    assert cards._control({"control": None, "rule_hash": claim.rule_hash}, claim) is None
