"""A fresh run against the reference: what differs, what is excused, and what neither is."""

from __future__ import annotations

import copy

import pytest

from pipelines import verify
from unrolled import results, verifying

pytestmark = pytest.mark.unit


@pytest.fixture
def reference(workplace):
    """Verdicts and metrics that are also the reference."""
    claims = {
        "A1": {"verdict": "reproduced", "findings": [{"name": "", "verdict": "reproduced"}]},
        "E1": {"verdict": "reproduced", "findings": [{"name": "", "verdict": "reproduced", "p_for": 0.001, "p_against": 1.0}]},
        "D5": {"verdict": "reproduced", "findings": [{"name": "", "verdict": "reproduced", "p_for": 0.044, "p_against": 1.0}]}}
    for claim in claims.values():
        claim |= {"rule_hash": "1", "rule": "some rule", "rule_zh": "某规则"}
    metrics = {"adding/lstm/success": {"mean": 0.8, "spread": 0.4, "n": 10},
               "adding/gru/success": {"mean": 1.0, "spread": 0.0, "n": 10}}
    results.write_json(results.verdicts_file(), {"format": results.FORMAT, "claims": claims})
    results.write_json(results.numbers_file(), metrics)
    verifying.write_reference()
    return claims, metrics


def run(claims=None, metrics=None):
    if claims:
        results.write_json(results.verdicts_file(), {"format": results.FORMAT, "claims": claims})
    if metrics:
        results.write_json(results.numbers_file(), metrics)
    with pytest.raises(SystemExit) as ended:
        verify.main(write=False)
    return ended.value.code


def test_the_same_run_has_no_differences(reference, capsys):
    assert run() == 0 and "0 differences" in capsys.readouterr().out


def test_another_verdict_is_a_difference(reference, capsys):
    claims = copy.deepcopy(reference[0])
    claims["E1"]["verdict"] = "inconclusive"
    assert run(claims) == 1
    assert "E1" in capsys.readouterr().out


def test_a_verdict_near_its_margin_is_excused_and_said(reference, capsys):
    claims = copy.deepcopy(reference[0])
    claims["D5"]["verdict"] = "inconclusive"
    assert run(claims) == 0
    assert "lay near its margin" in capsys.readouterr().out


def test_a_verdict_that_came_to_lie_near_its_margin_is_not_excused(reference, capsys):
    """What was far from it before must not tip."""
    claims = copy.deepcopy(reference[0])
    claims["E1"]["verdict"] = "inconclusive"
    claims["E1"]["findings"][0]["p_for"] = 0.051
    assert run(claims) == 1 and "lay near its margin" not in capsys.readouterr().out


def test_numbers_are_those_of_members_that_have_one():
    members = [{"metrics": {"success": success, "error": error}} for success, error in ((1.0, 0.2), (0.0, None), (1.0, 0.4))]
    found = verifying._run_numbers({"task": "adding", "run": "lstm", "members": members})
    assert found["adding/lstm/error"] == {"mean": 0.3, "spread": 0.141421, "n": 2}
    assert found["adding/lstm/success"] == {"mean": 0.666667, "spread": 0.57735, "n": 3}
    assert not verifying._run_numbers({"task": "adding", "run": "lstm", "members": [{"metrics": {"error": None}}]})


def test_an_exact_claim_is_never_excused(reference):
    claims = copy.deepcopy(reference[0])
    claims["A1"]["verdict"] = "contradicted"
    assert run(claims) == 1


@pytest.mark.parametrize(("name", "mean", "code"), [
    ("adding/lstm/success", 0.5, 0),  # 3 standard errors of either: 3 x sqrt(2) x .4/sqrt(10) = .54
    ("adding/lstm/success", 0.2, 1), ("adding/gru/success", 0.9, 1), ("adding/gru/success", 1.0 - 1e-7, 0)])
def test_means_may_differ_by_their_own_spread(reference, name, mean, code):
    metrics = copy.deepcopy(reference[1])
    metrics[name]["mean"] = mean
    assert run(metrics=metrics) == code


def test_a_missing_metric_is_a_difference(reference):
    metrics = copy.deepcopy(reference[1])
    del metrics["adding/gru/success"]
    assert run(metrics=metrics) == 1


def test_a_claim_that_came_or_went_is_a_difference(reference):
    assert run({**reference[0], "F1": {"verdict": "pending", "findings": []}}) == 1


def test_without_a_reference_one_sentence(workplace, capsys):
    assert run() == 2
    assert "reference" in capsys.readouterr().err


def test_results_of_another_version_are_refused(reference, capsys):
    results.write_json(results.verdicts_file(), {"format": results.FORMAT + 1, "claims": {}})
    assert run() == 2
    assert "make clean" in capsys.readouterr().err


def test_a_changed_rule_is_kept_beside_the_one_that_stood_before(reference):
    claims, _ = reference
    assert [entry["hash"] for entry in results.read_json(results.rules_file())["D5"]] == ["1"]
    changed = copy.deepcopy(claims)
    changed["D5"] |= {"rule_hash": "2", "rule": "another", "verdict": "inconclusive"}
    results.write_json(results.verdicts_file(), {"format": results.FORMAT, "claims": changed})
    verifying.write_reference()
    ledger = results.read_json(results.rules_file())
    assert [(entry["hash"], entry["rule"], entry["verdict"]) for entry in ledger["D5"]] == [
        ("1", "some rule", "reproduced"), ("2", "another", "inconclusive")]
    assert len(ledger["A1"]) == 1  # nothing is added where nothing changed
