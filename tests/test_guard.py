"""No process outlives what started it, and no two do the same work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import psutil
import pytest
from conftest import ROOT

from unrolled import guard, results

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


def words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


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


def test_workers_end_when_the_trainer_is_killed_before_they_have_any_work(workplace):
    """A worker that waits for work would wait five minutes, and whoever reads the pipeline's output would wait with it."""
    trainer = start("""
        import types
        from unrolled import execution
        execution.without_doubles = lambda jobs: jobs
        execution.execute([types.SimpleNamespace(cost=1)] * 2, "cpu", types.SimpleNamespace(workers=2, engine="local"), "idle")
    """, workplace)
    workers = []
    while not workers and trainer.poll() is None:
        workers = [child for child in psutil.Process(trainer.pid).children() if "LokyProcess" in words(child)]
        time.sleep(0.01)
    trainer.send_signal(signal.SIGKILL)
    assert workers and trainer.communicate(timeout=60) is not None  # the output ends when the last worker does


def test_what_hangs_while_it_ends_is_ended(workplace):
    process = start("""
        import time
        from unrolled import guard
        guard.LIMIT = 1
        guard.end_on_signals()
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            time.sleep(60)
    """, workplace)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGALRM


def test_a_pipeline_that_ignores_its_end_is_ended(workplace):
    process = start("""
        from unrolled import guard
        guard.PATIENCE = 0.5
        guard.end_on_signals()
        guard.run_pipeline([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                            "print('ready', flush=True); time.sleep(60)"])
    """, workplace)
    process.stdout.readline()
    process.terminate()
    assert "KeyboardInterrupt" in process.communicate(timeout=20)[1]


def test_a_signal_that_comes_while_a_pipeline_begins_ends_it_too(workplace):
    process = start("""
        import os, signal, subprocess
        from unrolled import guard
        guard.PATIENCE = 0.5
        guard.end_on_signals()
        begin = subprocess.Popen
        def begun(*given, **options):
            pipeline = begin(*given, **options)
            print(pipeline.pid, flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
            return pipeline
        subprocess.Popen = begun
        guard.run_pipeline(["sleep", "60"])
    """, workplace)
    said, complaint = process.communicate(timeout=20)  # whatever it had left behind would hold its output
    assert complaint.endswith("KeyboardInterrupt\n") and gone(int(said), 0.1)


def test_what_is_ignored_a_pipeline_ignores_too(workplace):
    """As of `nohup`, whose Ctrl-C is not meant for it."""
    process = start("""
        import signal
        from unrolled import guard
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        guard.end_on_signals()
        guard.run_pipeline([sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN, flush=True)"])
    """, workplace)
    assert process.communicate(timeout=20)[0] == "True\n"


def test_a_stage_whose_dvc_is_gone_does_not_begin(workplace):
    process = start("from unrolled import guard; guard.join_pipeline()", workplace, env={**os.environ, guard.STAGE: "train@adding"})
    assert process.communicate(timeout=20)[1] == guard.GONE + "\n" and process.returncode == 1


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


@pytest.mark.parametrize("name", ["smoke", "record", "official", "reproduce", "tune"])
def test_clean_waits_for_whoever_uses_what_it_removes(workplace, name):
    results.write_text(results.RUNS / "member", "x")
    with guard.lock(name):
        cleaning = start(f"""
            sys.path.insert(0, {str(ROOT)!r})
            from pipelines import clean
            clean.main()
        """, workplace)
        assert cleaning.stderr.readline() == f"waiting: process {os.getpid()} holds .runs/{name}.lock\n"
        assert (results.RUNS / "member").exists()
    cleaning.communicate(timeout=20)
    assert cleaning.returncode == 0 and not (results.RUNS / "member").exists()


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


@pytest.mark.parametrize(("lines", "found"), [
    ([["bash"], ["make", "reproduce"]], None), ([["sh", "-c", "x"], ["/bin/dvc", "repro"], ["make"]], 1),
    ([["python", "-m", "pipelines.dvc", "repro"], ["dvc", "repro"]], 0), ([None, ["dvc", "repro"]], 1)])
def test_the_nearest_dvc_above_is_the_pipeline(monkeypatch, lines, found):
    """Of a process that is gone meanwhile nothing can be told."""
    def process(line):
        def cmdline():
            if line is None:
                raise psutil.NoSuchProcess(1)
            return line
        return SimpleNamespace(cmdline=cmdline)

    above = [process(line) for line in lines]
    monkeypatch.setattr(guard.psutil, "Process", lambda: SimpleNamespace(parents=lambda: above))
    assert guard.pipeline_above() is (None if found is None else above[found])
