"""The README's worked examples: its code blocks are applied in a copy, and what it says is run there. Both READMEs say the same."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from conftest import ROOT, run

from unrolled import catalogue, keys, results, settings, tuned
from unrolled.judging import claims

pytestmark = pytest.mark.unit
BLOCK = re.compile(r"<!-- example: (\w+) \| (\S+) -->\n```\w*\n(.*?)```\n", re.DOTALL)
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COPIED = ("Makefile", "params.yaml", "claims.yaml", "tuned.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock", "requirements-cuda.lock", "src", "pipelines", "tests")
NAMES = ("README.md", "README.zh-CN.md")


class Example(NamedTuple):
    """What is done with a block of the README: `target` is a file, or `run`."""

    target: str
    text: str


def read(name: str = "README.md") -> dict[str, list[Example]]:
    """Return the marked blocks of a README by the example's name."""
    found = {}
    for example, target, text in BLOCK.findall((ROOT / name).read_text(encoding="utf-8")):
        found.setdefault(example, []).append(Example(target, text))
    return found


def merged(tree: dict, more: dict) -> dict:
    """Return a tree with what another holds put into it."""
    return {**tree, **{key: merged(tree[key], value) if isinstance(tree.get(key), dict) and isinstance(value, dict) else value
                       for key, value in more.items()}}


def apply(example: Example, folder: Path) -> None:
    """Write a new file, put two lines into a table, or merge YAML, as a reader would by hand."""
    path = folder / example.target
    if path.suffix == ".yaml":
        tree = merged(settings.read_yaml(path), yaml.safe_load(example.text))
        path.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), encoding="utf-8")
    elif path.exists():
        bring, entry = example.text.strip().split("\n\n")
        text = path.read_text(encoding="utf-8")
        table = re.search(r"^[A-Z]+: dict.*\{\n", text, re.MULTILINE).group()
        after = next(line for line in text.splitlines() if line.startswith("from ") and line > bring)
        path.write_text(text.replace(table, f"{table}{entry}\n").replace(after, f"{bring}\n{after}"), encoding="utf-8")
    else:
        path.write_text(example.text, encoding="utf-8")


def commands(example: Example, folder: Path) -> list[list[str]]:
    """Return the modules, with arguments, that the lines of a block run, as make itself says; what makes the environment is left out."""
    found = []
    for line in example.text.splitlines():
        said = subprocess.run([*shlex.split(line), "--dry-run", "--assume-old", ".venv/.ready"], cwd=folder, capture_output=True, text=True, check=True)
        found += [shlex.split(said)[2:] for said in said.stdout.splitlines() if said.startswith("python -m ")]
    return found


def keep_only(folder: Path, *names: str) -> None:
    """Leave of params.yaml only the sections and runs named "section/run", at toy sizes, and no analyses."""
    tree = settings.read_yaml(folder / "params.yaml")
    tree |= {"scale": "smoke", "workers": 1, "analyses": {}, "tasks": {name.split("/")[0]: tree["tasks"][name.split("/")[0]] for name in names}}
    for section, task in tree["tasks"].items():
        task["runs"] = {run: line for run, line in task["runs"].items() if f"{section}/{run}" in names}
    (folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")


def do(folder: Path, example: Example, judged: bool = False) -> str:
    """Run what a block says; of the whole pipeline only training, and judging if asked."""
    said = []
    for module, *arguments in commands(example, folder):
        if module == "pipelines.reproduce":
            for section in settings.read_yaml(folder / "params.yaml")["tasks"]:
                run("pipelines.train", section, folder=folder)
            said += [run("pipelines.judge", folder=folder).stdout] if judged else []
        else:
            said.append(run(module, *arguments, *["-n", "0"] * (module == "pytest"), folder=folder).stdout)
    return "\n".join(said)


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Make a copy of the sources in which the named examples are applied, their blocks to run left out."""
    def make(*names: str) -> Path:
        folder = tmp_path_factory.mktemp("-".join(names)) / "copy"
        folder.mkdir()
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
        for name in names:
            for example in read()[name]:
                if example.target != "run":
                    apply(example, folder)
        return folder
    return make


def said_to_run(name: str) -> Example:
    example, = (example for example in read()[name] if example.target == "run")
    return example


def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> settings.Settings:
    monkeypatch.chdir(folder)
    return settings.load()


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """What runs in a copy is no worker of this test run."""
    for name in [name for name in os.environ if name.startswith("PYTEST")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def grown(copies):
    """A copy with the cell and the claim of the README, before anything ran in it."""
    folder = copies("cell", "claim")
    keep_only(folder, "adding/minimal", "adding/gru")
    return folder


@pytest.mark.long
def test_a_cell_is_added_checked_tuned_and_trained_and_a_claim_is_judged_on_it(grown, monkeypatch):
    said = do(grown, said_to_run("cell"), judged=True)
    assert re.search(r"\b1[5-9] passed", said), said
    chosen = loaded(grown, monkeypatch)
    assert {"minimal", "minimal_10", "minimal_20"} <= set(chosen.tasks["adding"].runs)
    assert set(tuned.load()["adding"]) >= {"minimal", "minimal_10", "minimal_20"}
    assert results.read_result(results.run_file("adding", "minimal_20"))["members"]
    entry = results.read_result(results.verdicts_file())["claims"]["G1"]
    assert entry["statement_zh"] and "adding/minimal mean squared error" in entry["observed"] and not entry["warnings"]
    assert entry["control"]["passed"] is False and entry["verdict"] == "inconclusive"  # nothing learns in ten updates


def test_a_new_cell_has_no_other_run_trained_again(grown, monkeypatch):
    chosen = settings.load(ROOT / "params.yaml").tasks["adding"]
    ours = {name: keys.run_hash(made, chosen.reads, "cpu") for name, made in chosen.runs.items()}
    program = ("from unrolled import settings, keys; section = settings.load('../whole.yaml').tasks['adding']; "
               "print({name: keys.run_hash(made, section.reads, 'cpu') for name, made in section.runs.items()})")
    shutil.copy2(ROOT / "params.yaml", grown.parent / "whole.yaml")
    said = subprocess.run([sys.executable, "-c", program], cwd=grown, env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, text=True, check=True)
    assert ast.literal_eval(said.stdout) == ours


def test_a_task_is_added_tuned_and_trained(copies, monkeypatch):
    folder = copies("task")
    keep_only(folder, "first_symbol/tanh", "first_symbol/lstm")
    do(folder, said_to_run("task"))
    loaded(folder, monkeypatch)
    for name in ("tanh", "lstm"):
        assert 0 <= results.read_result(results.run_file("first_symbol", name))["members"][0]["metrics"]["accuracy"] <= 1


@pytest.mark.long
def test_a_number_is_changed(copies, monkeypatch):
    folder = copies("number")
    keep_only(folder, "adding/tanh")
    do(folder, said_to_run("number"))
    chosen = loaded(folder, monkeypatch)
    catalogue.check(chosen)
    assert chosen.tasks["adding"].runs["tanh_30"].options["length"] == 30
    assert results.read_result(results.run_file("adding", "tanh_30"))["settings"]["length"] == 30


@pytest.mark.long
def test_examples_keep_to_the_house_style(copies):
    folder = copies("cell", "task", "claim")
    run("ruff", "check", "src", folder=folder)
    run("pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "tests/test_architecture.py", folder=folder)
    assert "G1" in {claim.id for claim in claims.load(folder / "claims.yaml")}


def test_both_readmes_have_the_same_blocks():
    english, chinese = (read(name) for name in NAMES)
    assert english == chinese and set(english) == {"cell", "task", "claim", "number"}
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in NAMES]
    fences = [[text for text in FENCE.findall(text) if not text.startswith("Makefile ")] for text in texts]
    assert fences[0] == fences[1] and len(fences[0]) > 15
    times = [re.findall(r"\d+", text[text.index("<!-- times -->") : text.index("<!-- /times -->")]) for text in texts]
    assert times[0] == times[1] and times[0]


@pytest.mark.parametrize("name", [*NAMES, "CONTRIBUTING.md", "CONTRIBUTING.zh-CN.md"])
def test_what_the_readmes_name_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    assert links and all((ROOT / link).exists() for link in links), links
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE))
    assert said and said <= targets, said - targets


@pytest.mark.parametrize("name", NAMES)
def test_the_tree_names_what_is_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    tree = next(fence for fence in FENCE.findall(text) if fence.startswith("Makefile "))
    folder = ROOT
    for line in tree.splitlines():
        first = line.split()[0]
        if not line.startswith(" "):
            assert (ROOT / first).exists(), first
            folder = ROOT / first if first.endswith("/") else ROOT
        for named in re.findall(r"(?<![\w/*])[a-z][\w-]*(?:\.py|/)(?=[ ,;)]|$)", line):
            assert (folder / named).exists() or list(folder.rglob(named)) or (ROOT / named).exists(), f"{named} of {line!r}"


def test_citation_licence_and_package_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what the format demands
    assert str(citation["version"]) == package["version"] and citation["authors"] == [{"name": "The Unrolled authors"}]
    assert citation["license"] == "MIT" and (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    for name in NAMES:
        assert f"version = {{{package['version']}}}" in (ROOT / name).read_text(encoding="utf-8")
