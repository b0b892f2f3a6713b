"""DVC as `make reproduce` calls it: as fast as it should be, and no kill makes it refuse the next run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dpath
import pytest
import small_pipeline
from conftest import ROOT
from conftest import run as run_module
from dvc.utils.serialize import _yaml, load_yaml

from pipelines import dvc
from unrolled import results

pytestmark = pytest.mark.unit

PIPELINE = """stages:
  first:
    cmd: echo 1 > first
    outs: [first]
  second:
    cmd: cp first second
    deps: [first]
    outs: [second]
"""


def run(*command: str) -> subprocess.CompletedProcess:
    environment = {**small_pipeline.environment(), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    return subprocess.run([sys.executable, "-m", *command], env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Path:
    """A pipeline of two stages that has run."""
    home = tmp_path_factory.mktemp("once")
    results.write_text(home / "dvc.yaml", PIPELINE)
    with contextlib.chdir(home):
        assert run("dvc", "init", "--quiet", "--no-scm").returncode == run("pipelines.dvc", "repro").returncode == 0
    return home


@pytest.fixture
def done(once, workplace) -> str:
    """That pipeline, in the folder of this test; gives its dvc.lock."""
    shutil.copytree(once, workplace, dirs_exist_ok=True)
    return results.DVC_LOCK.read_text()


def test_dvc_reads_a_file_of_settings_once_until_it_changes(workplace, monkeypatch):
    read, parse = [], _yaml.parse_yaml
    monkeypatch.setattr(_yaml, "parse_yaml", lambda text, path: read.append(text) or parse(text, path))
    dvc.read_once()
    for text in ("scale: laptop", "scale: full"):
        results.write_text("params.yaml", text)
        assert [load_yaml("params.yaml") for _ in range(3)] == [{"scale": text.split()[1]}] * 3
    assert read == ["scale: laptop", "scale: full"]


def test_settings_are_found_as_dvc_itself_finds_them():
    asked, tree = [], {"tasks": {"adding": {"runs": {"tanh": {"seeds": 3}}}, "lines": [4, 5]}, "scale": None}

    def search(*given, **options):
        asked.append(given[1])
        return dpath.get(*given, **options)

    get = dvc.straight(search)
    for path in ("tasks", "tasks.adding.runs.tanh", "scale"):
        assert get(tree, path, separator=".") == dpath.get(tree, path, separator=".")
    assert not asked
    for path in ("tasks.a*", "tasks.lines.1"):
        assert get(tree, path, separator=".") == dpath.get(tree, path, separator=".")
    for path in ("tasks.subtracting", "scale.full"):
        with pytest.raises(KeyError):
            get(tree, path, separator=".")
    assert asked == ["tasks.a*", "tasks.lines.1", "tasks.subtracting", "scale.full"]


def test_what_a_killed_dvc_was_doing_keeps_nobody_waiting(done):
    with subprocess.Popen(["true"]) as zombie:  # has ended, and nobody has asked how
        for number in (os.getpid(), zombie.pid, 2**22 + 1):  # now another's, a zombie's, nobody's
            user = {"pid": number, "cmd": "dvc repro"}
            results.write_json(dvc.TEMPORARY / "rwlock", {"write": {str(Path("first").resolve()): user}, "read": {}}, indent=None)
            results.write_text("dvc.yaml", PIPELINE.replace("echo 1", f"echo {number}"))
            if number == os.getpid():
                assert "is being blocked by" in run("dvc", "repro").stderr
            told = run("pipelines.dvc", "repro", "--quiet")
            assert told.returncode == 0, told.stderr
            assert Path("second").read_text() == f"{number}\n"


def test_whoever_is_a_living_dvc_is_waited_for():
    code = "print('here', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code, "dvc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()  # until then it has no words
        assert [dvc.is_dvc(process.pid), dvc.is_dvc(os.getpid())] == [True, False]
        process.stdin.close()
        process.wait()
        assert not dvc.is_dvc(process.pid)


def test_a_note_of_who_uses_what_that_was_cut_short_is_nobodys(done):
    results.write_text(dvc.TEMPORARY / "rwlock", '{"write": {"/somewhere/fir')
    Path("first").unlink()
    assert "corrupted" in run("dvc", "repro").stderr
    assert run("pipelines.dvc", "repro", "--quiet").returncode == 0 and Path("first").exists()
    assert json.loads((dvc.TEMPORARY / "rwlock").read_text()) == {}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_lock_file_that_was_cut_short_is_set_aside_and_made_anew(done, share):
    cut = done[: int(share * len(done))]
    results.write_text(results.DVC_LOCK, cut)
    asked = run("pipelines.dvc", "repro", "--dry")
    assert results.DVC_LOCK.read_text() == cut  # who only asks changes nothing
    told = run("pipelines.dvc", "repro", "--quiet")
    assert told.returncode == 0 and results.DVC_LOCK.read_text() == done, told
    if asked.returncode:
        assert "dvc.lock is damaged" in told.stdout and dvc.SET_ASIDE.read_text() == cut


def test_what_is_written_is_there_whole_or_not_at_all(done):
    def dump(path, data, **options):
        Path(path).write_text(data[:2])
        if data == "killed":
            raise KeyboardInterrupt
        Path(path).write_text(data)

    write = dvc.write_whole(dump)
    write("dvc.lock", "new")
    with pytest.raises(KeyboardInterrupt):
        write("dvc.lock", "killed")
    assert results.DVC_LOCK.read_text() == "new"
    write("dvc.lock", "newer")
    assert results.DVC_LOCK.read_text() == "newer" and not list(dvc.TEMPORARY.glob("*.part"))


def test_quiet_keeps_no_error_back(done):
    results.write_text("dvc.yaml", PIPELINE.replace("deps: [first]", "deps: [third]"))
    told = run("pipelines.dvc", "repro", "--quiet")
    assert told.returncode and "third" in told.stderr and not run("dvc", "repro", "--quiet").stderr


@pytest.mark.parametrize("stage", ["data", "analyse"])
def test_a_stage_without_a_name_is_one_sentence(stage):
    done = run_module(f"pipelines.{stage}", folder=ROOT, check=False)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
