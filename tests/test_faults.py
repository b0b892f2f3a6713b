"""Kills, full disks, damage and company: whatever happens, the next run ends with the bits of one to which nothing happened.

`make test` does a few of each; `make test-faults` as many as UNROLLED_KILLS says.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter

import psutil
import pytest
import small_pipeline

pytestmark = pytest.mark.smoke

KILLS = int(os.environ.get("UNROLLED_KILLS", "4"))
EACH = 4  # kills of one pipeline, before it may end
LONGEST = 9.0  # seconds from a start to the kill
SETTLED = 6.0  # seconds after which no process may be left


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, str]:
    """What a run leaves to which nothing happened."""
    home = small_pipeline.make(tmp_path_factory.mktemp("undisturbed") / "home")
    small_pipeline.finish(home)
    return small_pipeline.outcome(home)


def kill(process: subprocess.Popen, how: str) -> str:
    """End a running pipeline in some way; return which stage was running."""
    lines = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            lines[child] = " ".join(child.cmdline())
    stages = [child for child, line in lines.items() if "-m pipelines." in line]
    victims = {"stage": stages, "dvc": [child for child, line in lines.items() if " dvc " in line]}.get(how, [])
    if how == "terminate":
        process.terminate()
    elif victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victims[0].kill()
    else:
        os.killpg(process.pid, signal.SIGINT if how == "interrupt" else signal.SIGKILL)
    return lines[stages[0]].split("-m pipelines.")[1] if stages else "between stages"


@pytest.mark.parametrize("number", range(-(-KILLS // EACH)))
def test_kills_at_random_moments_change_no_bit(undisturbed, tmp_path, number):
    chance, seen = random.Random(number), Counter()
    home = small_pipeline.make(tmp_path / "home")
    for _ in range(min(EACH, KILLS - number * EACH)):
        process = small_pipeline.start(home)
        time.sleep(chance.uniform(0.5, LONGEST))
        how = chance.choice(["stage", "dvc", "group", "terminate", "interrupt"])
        if process.poll() is None:
            seen[how, kill(process, how)] += 1
        process.communicate(timeout=300)
        deadline = time.monotonic() + SETTLED
        while small_pipeline.processes(home) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not small_pipeline.processes(home), (how, [found.cmdline() for found in small_pipeline.processes(home)])
    print(dict(seen))
    text = small_pipeline.finish(home)
    assert small_pipeline.outcome(home) == undisturbed, text
    assert not small_pipeline.left_over(home) and not small_pipeline.processes(home)
    assert "Nothing changed" in small_pipeline.finish(home)
