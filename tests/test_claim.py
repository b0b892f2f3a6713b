"""One claim alone: the stages that it takes, and what is printed of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_pipeline
import yaml
from conftest import ROOT

from pipelines import claim
from unrolled import lanes, results, settings
from unrolled.judging import claims, rules, work_out


@pytest.fixture
def chosen(params) -> settings.Settings:
    return settings.parse(params)


@pytest.fixture
def sources(workplace):
    for name in ("claims.yaml", "params.yaml"):
        shutil.copy2(ROOT / name, name)
    return workplace


@pytest.mark.unit
def test_references_are_all_that_a_rule_names(sources):
    """Wherever in a rule they stand, controls of its parts included."""
    for found in claims.load():
        text, references = str(found.rule), list(rules.references(found.rule))
        for key in ("run", "analysis"):
            assert [each[key] for each in references if key in each] == [part.split("'")[0] for part in text.split(f"'{key}': '")[1:]], found.id
        assert all(("run" in each) != ("analysis" in each) for each in references)


@pytest.mark.unit
@pytest.mark.parametrize(("name", "expected"), [
    ("C5", {"train@adding"}), ("E1", {"train@adding", "train@digits", "analyse@gradient_flow", "DATA"}), ("A5", set()), ("A3", {"data@slots", "data@cities", "train@slots", "train@templates"}),
    ("d4", {"analyse@error_surface", "DATA"}), ("F8", {"analyse@audio_vectors", "train@audio_words", "DATA"})])
def test_a_claim_takes_the_stages_that_its_evidence_comes_from(sources, chosen, name, expected):
    every = {f"data@{data}" for data in chosen.data.sets}
    assert claim.stages_of(claim.found(name), chosen) == (expected - {"DATA"}) | (every if "DATA" in expected else set())


@pytest.mark.unit
def test_a_claim_with_small_letters_is_found_as_it_is_written(sources):
    assert claim.found("a2").id == "A2"
    tree = settings.read_yaml("claims.yaml")
    results.write_json("claims.yaml", tree | {"A2b": tree["A2"]})  # JSON is YAML too
    assert claim.found("A2b").id == "A2b" and claim.found("a2").id == "A2"


@pytest.mark.unit
def test_stages_of_all_claims_are_stages_and_closed(sources, chosen):
    """Each is one of the pipeline's, and with a training come the data it reads."""
    known = {stage for group in lanes.kinds(chosen) for stage in group}
    for found in claims.load():
        stages = claim.stages_of(found, chosen)
        assert stages <= known
        for section in chosen.tasks.values():
            if f"train@{section.name}" in stages and section.reads.startswith("data/"):
                assert f"data@{section.reads.removeprefix('data/')}" in stages, found.id


@pytest.mark.unit
@pytest.mark.parametrize(("name", "sentence"), [
    ("", "CLAIM is empty; name one of A1, A2, "), ("D44", "claims.yaml has no claim D44; did you mean 'D4'?")])
def test_another_name_is_one_sentence(sources, name, sentence):
    with pytest.raises(claims.ClaimError) as raised:
        claim.found(name)
    assert str(raised.value).startswith(sentence)


@pytest.mark.unit
def test_what_is_recorded_is_told_without_a_run(monkeypatch, chosen):
    monkeypatch.chdir(ROOT)
    said = list(claim.lines(work_out(claim.found("A5"), chosen)))
    reference = results.read_result("reference/verdicts.json")["claims"]["A5"]
    assert said[0] == f"A5  {reference['statement']}" and said[2] == f"Rule: {reference['rule']}"
    observed = [line.strip().partition(": ")[2] for line in said[said.index("Observed:") + 1 :] if line.startswith("  ")]
    assert observed == [finding["sentence"] for finding in reference["findings"]]
    assert said[-2] == f"Verdict of the reference run: {reference['verdict']} ({reference['reason']})."


def stages_run(home: Path, since: float) -> set[str]:
    records = [results.read_json(path) for path in (home / results.RUNS / "stages").glob("*.json")]
    return {record["stage"] for record in records if "stage" in record and record["ended"] >= since}


@pytest.mark.smoke
@pytest.mark.long
def test_of_what_changed_a_claim_redoes_what_it_needs_and_the_pipeline_the_rest(finished, tmp_path):
    home = shutil.copytree(finished, tmp_path / "home")
    (home / results.REFERENCE).mkdir(exist_ok=True)
    results.write_json(home / results.REFERENCE / "verdicts.json", {"format": results.FORMAT, "claims": {}})
    tree = settings.read_yaml(home / "params.yaml")
    tree["tasks"]["templates"]["updates"], tree["tasks"]["adding"]["updates"] = 15, 10
    results.write_text(home / "params.yaml", yaml.safe_dump(tree, sort_keys=False))
    began, verdicts = time.time(), results.file_hash(home / results.verdicts_file())
    done = subprocess.run([sys.executable, "-m", "pipelines.claim"], cwd=home, env={**small_pipeline.environment(), "CLAIM": "a2"},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    start = next(place for place, line in enumerate(said) if line.startswith("A2  "))
    assert "Observed:" in said[start:] and said[-1].startswith("A verdict of your own takes all claims")
    assert any(line.startswith("train templates: ") for line in said[:start])
    assert stages_run(home, began) == {"train@templates", "analyse@worked_examples"} and verdicts == results.file_hash(home / results.verdicts_file())
    began = time.time()
    small_pipeline.finish(home)
    assert stages_run(home, began) == {"train@adding", "judge", "report", "track"}
