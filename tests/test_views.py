"""What DVC shows: few numbers with names for people, and pictures that need no internet."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, run

from unrolled import results, settings
from unrolled.judging.headlines import headlines
from unrolled.settings import SettingsError

MOST = 20


def committed(folder: Path) -> Path:
    """Put a folder under git as it is, its lock file too, and give it back to DVC as a repository."""
    for name in (".gitignore", ".dvc/.gitignore"):
        shutil.copy2(ROOT / name, folder / name)
    for command in (["init", "--quiet"], ["add", "--all"],
                    ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "As it came"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    run("dvc", "config", "--unset", "core.no_scm", folder=folder)
    return folder


@pytest.mark.smoke
@pytest.mark.long
def test_a_changed_number_is_seen_in_few_numbers_and_in_pictures(finished, tmp_path):
    home = Path(shutil.copytree(finished, tmp_path / "循环 copy"))
    pipeline = settings.read_yaml(home / "dvc.yaml") | {"plots": ["results/analyses/repeated_weight/rates_by_lag.svg"]}
    (home / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    folder = committed(home)
    tree = settings.read_yaml(folder / "params.yaml")
    tree["analyses"]["repeated_weight"]["length"] = 90
    (folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    run("dvc", "repro", "--no-run-cache", "judge", folder=folder)
    changed = json.loads(run("dvc", "metrics", "diff", "--json", folder=folder).stdout)["metrics.json"]
    assert changed["headlines.decay_rate"]["diff"] != 0 and len(changed) == 1
    shutil.copy2(ROOT / "Makefile", folder / "Makefile")
    said = subprocess.run(["make", "compare", "--dry-run", "--assume-old", ".venv/.ready"], cwd=folder, capture_output=True, text=True, check=True).stdout
    lines = [shlex.split(line)[2:] for line in said.splitlines() if line.startswith("python -m dvc")]
    assert [line[:3] for line in lines] == [["dvc", "metrics", "diff"], ["dvc", "exp", "show"], ["dvc", "plots", "diff"]]
    lines[1].append("--csv")  # the same table, for programs
    _, shown, _ = [run(*line, folder=folder).stdout for line in lines]
    names, *rows = shown.splitlines()
    assert "decay_rate" in names and "/" not in names and names.count(",") < MOST and any("workspace" in row for row in rows)
    page = (folder / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert len(pictures) == 2 and "http" not in page and "<script" not in page
    files = [(folder / "dvc_plots" / picture).read_bytes() for picture in pictures]
    assert files[0].count(b"<svg") == 1 and files[0] != files[1]


@pytest.mark.smoke
def test_the_pictures_to_lay_side_by_side_are_drawn(whole):
    pictures = settings.read_yaml(ROOT / "dvc.yaml")["plots"]
    assert pictures and all(name.endswith(".svg") and (whole / name).is_file() for name in pictures)


@pytest.mark.unit
def test_the_headline_numbers_are_few_and_there(params):
    chosen = settings.parse(params)
    numbers = results.read_json(ROOT / "reference" / "numbers.json")
    assert 8 < len(chosen.headlines) < MOST
    for name, reference in chosen.headlines.items():
        if "run" in reference:
            assert f"{reference['run']}/{reference['metric']}" in numbers, name
        else:
            assert reference["analysis"] in chosen.analyses, name
    assert set(results.read_json(ROOT / "metrics.json")["headlines"]) == set(chosen.headlines)


@pytest.mark.unit
def test_headlines_are_means_and_what_is_missing_is_said(workplace, params):
    params["headlines"] = {"known": {"run": "adding/lstm", "metric": "success"}, "unknown": {"run": "adding/lstmm", "metric": "success"}}
    members = [{"metrics": {"success": value}, "diverged": False, "learning_rate": 0.1} for value in (1.0, 0.0, 1.0)]
    results.write_json(results.run_file("adding", "lstm"), {"format": results.FORMAT, "members": members})
    found, sentences = headlines(settings.parse(params), {"A1": {"verdict": "reproduced"}, "A2": {"verdict": "reproduced"}})
    assert found == {"verdicts": {"reproduced": 2, "contradicted": 0, "conditional": 0, "inconclusive": 0}, "headlines": {"known": 0.6667}}
    assert sentences == ["headlines.unknown is left out: run adding/lstmm is not part of params.yaml yet (did you mean adding/lstm?)."]


@pytest.mark.unit
@pytest.mark.parametrize(("reference", "complaint"), [
    ({"run": "adding/lstm"}, "headlines.x.metric is missing"), ({"run": "adding/lstm", "metirc": "success"}, "did you mean 'metric'?"),
    ({"analysis": "error_surface", "metric": "success"}, "headlines.x.metric is not a setting"), ("adding/lstm", "headlines.x must be a mapping")])
def test_a_headline_of_another_form_is_refused(params, reference, complaint):
    params["headlines"] = {"x": reference}
    with pytest.raises(SettingsError, match=re.escape(complaint)):
        settings.parse(params)
