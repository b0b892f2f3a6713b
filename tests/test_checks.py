"""Everything is checked before anything runs, once; and what is registered is imported when it is asked for."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

from unrolled import analyses, checks, results, settings
from unrolled.data import DATA_SETS
from unrolled.data.base import DataSet
from unrolled.tables import Table

pytestmark = pytest.mark.unit


@pytest.fixture
def checked(workplace, monkeypatch):
    """A folder with the settings and claims, and the list of how often they were checked."""
    for name in ("params.yaml", "claims.yaml", "tuned.yaml"):
        shutil.copy2(ROOT / name, name)
    times, check = [], checks._check
    monkeypatch.setattr(checks, "_check", lambda chosen: times.append(chosen.scale) or check(chosen))
    return times


def test_what_was_found_good_is_checked_again_only_after_a_change(checked, workplace):
    assert checks.everything() == checks.everything() == settings.load()
    assert len(checked) == 1
    claims = workplace / "claims.yaml"
    claims.write_text(claims.read_text(encoding="utf-8") + "\n# a change\n", encoding="utf-8")
    checks.everything()
    assert len(checked) == 2
    (workplace / ".runs" / "checked.json").write_bytes(b"\xff damaged")
    checks.everything()
    assert len(checked) == 3


def test_what_was_found_bad_is_found_bad_again(checked, workplace):
    checks.everything()
    params = workplace / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("    candidates: 60", "    candidats: 60"), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(settings.SettingsError, match="did you mean 'candidates'"):
            checks.everything()
    assert len(checked) == 3


@pytest.mark.parametrize(("kind", "name", "reads"), [("analyses", "depth", "results/analyses/reading"), ("tasks", "slots", "results/train/adding")])
def test_a_stage_that_reads_what_another_of_its_kind_writes_is_refused(checked, params, kind, name, reads):
    """They run side by side."""
    params[kind][name]["reads"] = reads
    results.write_text("params.yaml", yaml.safe_dump(params))
    with pytest.raises(settings.SettingsError, match=rf"^{kind}\.{name}\.reads is '{reads}', which another of {kind} may be writing"):
        checks.everything()


def test_what_a_generated_task_refuses_is_said_before_anything_runs(checked, params):
    params["tasks"]["temporal_order"]["runs"]["short"] = {"cell": "elman", "length": 5}
    results.write_text("params.yaml", yaml.safe_dump(params))
    with pytest.raises(settings.SettingsError, match=r"^tasks\.temporal_order\.runs\.short: length must be at least 10"):
        checks.everything()


def test_a_table_knows_its_names_and_imports_what_is_asked_for():
    for table in (DATA_SETS, analyses.ANALYSES):
        assert isinstance(table, Table) and len(table) == len(list(table)) > 10 and "no such" not in table
        with pytest.raises(KeyError):
            table["no such"]
    assert all(issubclass(found, DataSet) and found.name == name for name, found in DATA_SETS.items())
    for name, module in analyses.ANALYSES.items():
        assert module is importlib.import_module(f"unrolled.analyses.{name}") and callable(module.analyse) and module.Options


@pytest.mark.parametrize(("module", "absent"), [
    ("pipelines.reproduce", {"torch", "scipy", "matplotlib", "mlflow"}), ("pipelines.data", {"torch", "scipy", "matplotlib"}),
    ("unrolled.analyses.clipping", {"torch"}), ("unrolled.analyses.special_cells", {"torch"}), ("pipelines.judge", {"torch", "matplotlib"})])
def test_a_stage_waits_for_no_import_that_it_does_not_need(module, absent):
    line = f"import {module}, sys; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", line], cwd=ROOT, capture_output=True, text=True, check=True, env={"PYTHONPATH": "src:."}).stdout
    assert not absent & set(said.split())


def test_of_a_run_only_its_own_folder_remembers(checked, workplace, tmp_path_factory, monkeypatch):
    checks.everything()
    assert (workplace / results.RUNS / "checked.json").exists()
    other = tmp_path_factory.mktemp("other")
    shutil.copy2(ROOT / "params.yaml", other)
    shutil.copy2(ROOT / "claims.yaml", other)
    monkeypatch.chdir(other)
    checks.everything()
    assert len(checked) == 2
