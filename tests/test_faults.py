"""Kills, full disks, damage and company: whatever happens, the next run ends with the bits of one to which nothing happened.

`make test` does one of each and ends with one pipeline, `make test-all` with two at once; `make test-faults` kills as often as UNROLLED_KILLS says.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
import small_pipeline
import yaml
from conftest import ROOT

from unrolled import results, settings

pytestmark = pytest.mark.smoke

KILLS = int(os.environ.get("UNROLLED_KILLS", "1"))
EACH = 4  # kills of one pipeline, before it may end
WORKERS = 8 if KILLS > EACH else 3 if KILLS > 1 else 1  # others than the two of `undisturbed`; each takes seconds to start
LONGEST = 9.0  # seconds from a start to the kill
SETTLED = 6.0  # seconds after which no process may be left


@pytest.fixture(scope="module")
def undisturbed(finished) -> dict[str, str]:
    """What that run left."""
    return left(finished)


def left(home: Path) -> dict[str, str]:
    """Return what a run left: files, and what stands in the MLflow store."""
    return small_pipeline.outcome(home) | {f"mlflow.db: {run}": kept for run, kept in small_pipeline.mirrored(home).items()}


def kill(process: subprocess.Popen, how: str) -> str:
    """End a running pipeline in some way; return which stage was running."""
    lines = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            lines[child] = " ".join(child.cmdline())
    dvc = [child for child, line in lines.items() if "-m pipelines.dvc " in line]
    stages = [child for child, line in lines.items() if "-m pipelines." in line and child not in dvc]
    victims = {"stage": stages, "dvc": dvc}.get(how, [])
    if how == "terminate":
        process.terminate()
    elif victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victims[0].kill()
    else:
        os.killpg(process.pid, signal.SIGINT if how == "interrupt" else signal.SIGKILL)
    return lines[stages[0]].split("-m pipelines.")[1] if stages else "between stages"


def end_well(home: Path, at_once: int) -> None:
    """Let one pipeline of many workers do what is left, or two at once: these take turns, and the second finds nothing to do."""
    tree = settings.read_yaml(home / "params.yaml") | {"workers": WORKERS}
    results.write_text(home / "params.yaml", yaml.safe_dump(tree, sort_keys=False))
    started = [small_pipeline.start(home) for _ in range(at_once)]
    texts = [process.communicate(timeout=300)[0] for process in started]
    assert not any(process.returncode for process in started), texts
    assert sorted("Nothing changed" in text for text in texts) == [False, True][:at_once]


@pytest.mark.parametrize("number", range(-(-KILLS // EACH)))
def test_kills_at_random_moments_and_two_pipelines_at_once_change_no_bit(undisturbed, tmp_path, number):
    chance, seen = random.Random(number), Counter()
    home = small_pipeline.make(tmp_path / "home")
    for _ in range(min(EACH, KILLS - number * EACH)):
        process = small_pipeline.start(home)
        time.sleep(chance.uniform(0.5, LONGEST))
        how = chance.choice(["stage", "dvc", "group", "terminate", "interrupt"])
        if process.poll() is None:
            seen[how, kill(process, how)] += 1
        process.communicate(timeout=150)  # whoever is left over and waits for work holds the output for five minutes
        deadline = time.monotonic() + SETTLED
        while small_pipeline.processes(home) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not small_pipeline.processes(home), (how, [found.cmdline() for found in small_pipeline.processes(home)])
    print(dict(seen))
    assert seen, "every pipeline had ended before it was to be killed"
    end_well(home, at_once=min(2, KILLS))
    assert left(home) == undisturbed
    assert not small_pipeline.left_over(home) and not small_pipeline.processes(home)


def confined(home: Path, mount: str, *command: str) -> subprocess.CompletedProcess:
    """Run `python -m command` where something has been mounted, seen by it alone."""
    line = f"{mount} && exec \"$0\" -m {' '.join(command)}"
    return subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", line, sys.executable], cwd=home,
                          env=small_pipeline.environment(), capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder whose data are there, and in which nothing has been trained."""
    if shutil.which("unshare") is None or confined(ROOT, "mount -t tmpfs none tests", "this").returncode:
        pytest.skip("this machine lets nobody mount a file system")
    home = small_pipeline.make(tmp_path_factory.mktemp("trained") / "home")
    assert small_pipeline.start(home, "pipelines.data", "cities").wait() == 0
    return home


@pytest.mark.parametrize(("place", "mount", "complaint"), [
    pytest.param(".runs", "mount -t tmpfs -o size=100k none .runs", "No space left on device", marks=pytest.mark.long),
    ("results", "mount -t tmpfs -o size=40k none results", "No space left on device"),
    ("results", "mount --bind results results && mount -o remount,ro,bind results", "Read-only file system")])
def test_a_disk_that_takes_no_more_is_one_sentence_and_nothing_is_half_written(trained, place, mount, complaint):
    (trained / place).mkdir(exist_ok=True)
    done = confined(trained, mount, "pipelines.train", "templates")
    assert done.returncode == 2 and complaint in done.stderr, done.stderr
    assert "free some space or check the permissions" in done.stderr and "Traceback" not in done.stderr
    assert not small_pipeline.left_over(trained) and not (trained / results.task_folder("templates")).exists()
    assert small_pipeline.start(trained, "pipelines.train", "templates").wait() == 0  # as if it had never happened
    assert len(list((trained / results.task_folder("templates")).iterdir())) == 9
    shutil.rmtree(trained / results.task_folder("templates"))


def test_a_clock_that_jumps_and_a_flipped_byte(finished, undisturbed, tmp_path):
    home = shutil.copytree(finished, tmp_path / "home")
    for folder in ("data", "results", "report", ".runs", "src"):
        for path in (home / folder).rglob("*"):
            os.utime(path, (2e9, 2e9) if hash(path.name) % 2 else (1e8, 1e8))
    assert "Nothing changed" in small_pipeline.finish(home)
    for path in (home / results.weights_file("adding", "gru"), next((home / ".runs").glob("*/weights.safetensors"))):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    small_pipeline.finish(home)
    assert left(home) == undisturbed
