"""No process outlives what started it, and no two do the same work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest
from conftest import ROOT

from unrolled import guard

pytestmark = pytest.mark.unit
PRELUDE = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"


def start(code: str, folder, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", PRELUDE + textwrap.dedent(code)], cwd=folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **options)


def gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_process_ends_when_the_watched_one_is_killed(workplace):
    parent = start("""
        import subprocess, time
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.path.insert(0, %r); import os, psutil, time; "
            "from unrolled import guard; guard.watch(psutil.Process(os.getppid())); print('ready', flush=True); time.sleep(60)" % sys.path[0]])
        print(child.pid, flush=True)
        time.sleep(60)
    """, workplace)
    child = int(parent.stdout.readline())
    assert parent.stdout.readline().strip() == "ready"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(child, 5)


def test_workers_end_when_the_trainer_is_killed(workplace):
    trainer = start("""
        import os, time
        from joblib import Parallel, delayed
        import psutil
        from unrolled import guard
        def body(parent):
            guard.watch(psutil.Process(parent))
            os.write(1, f"{os.getpid()}\\n".encode())  # one write each: two prints at once can mix their lines
            time.sleep(60)
        Parallel(n_jobs=2)(delayed(body)(os.getpid()) for _ in range(2))
    """, workplace)
    workers = [int(trainer.stdout.readline()) for _ in range(2)]
    trainer.send_signal(signal.SIGKILL)
    trainer.wait()
    assert all(gone(worker, 5) for worker in workers)


def test_sigterm_runs_the_finally_clauses(workplace):
    process = start("""
        import time
        from unrolled import guard
        guard.end_on_signals()
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            print("cleaned up", flush=True)
    """, workplace)
    process.stdout.readline()
    process.terminate()
    assert process.communicate(timeout=10)[0] == "cleaned up\n"


def test_the_second_holder_waits_and_says_for_whom(workplace):
    with guard.lock("x"):
        second = start("""
            from unrolled import guard
            with guard.lock("x"):
                print("mine", flush=True)
        """, workplace)
        assert second.stderr.readline() == f"waiting: process {os.getpid()} holds .runs/x.lock\n"
        assert second.poll() is None
    assert second.communicate(timeout=10)[0] == "mine\n"


def test_a_lock_of_a_killed_process_is_free(workplace):
    first = start("""
        import time
        from unrolled import guard
        with guard.lock("x"):
            print("mine", flush=True)
            time.sleep(60)
    """, workplace)
    first.stdout.readline()
    first.kill()
    first.wait()
    with guard.lock("x"):
        pass


def test_nothing_above_a_plain_shell_is_a_pipeline():
    above = guard.pipeline_above()
    assert above is None or "dvc" in " ".join(above.cmdline())
