"""Keeps processes from outliving what started them, and two of them from doing the same work.

Killing `dvc` leaves its children alive. So a stage watches the `dvc` above it and what started that, and a worker watches its stage
from its first moment; whoever finds itself alone ends at once. Whatever is told to stop has a limit, after which the system ends it.
What a lost process had not finished is done again by the next run.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from unrolled import results

POLL_SECONDS = 0.5
STARTER = "UNROLLED_STARTER"  # tells stages which process started the pipeline: its number and when it began
WORKERS = "UNROLLED_WORKERS"  # tells a stage how many worker processes are its share
PATIENCE = 3  # seconds that a pipeline has to end by itself, and as many again when it has been told to
STAGE = "DVC_STAGE"  # set by dvc for what it runs
DVC = ("dvc", "pipelines.dvc")  # how a dvc process is called: as a program or module, and by `make reproduce`
GONE = "error: what started this pipeline is gone; run `make reproduce` again."
LIMIT = 10  # seconds that a process has for its `finally` clauses when it has been told to stop: more than twice PATIENCE


def watch(process: psutil.Process | None) -> None:
    """End this process, from a thread of its own, as soon as `process` is gone; None watches nothing."""
    if process is None:
        return

    def look() -> None:
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=_quietly(look), daemon=True).start()


def watch_parent(parent: int) -> None:
    """End this worker, from a thread of its own, as soon as the process that started it is gone.

    To be called before the worker waits for work: one that has nothing to do would wait for minutes, and hold the output open.
    """

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _quietly(look):  # noqa: ANN001, ANN202 (a thread's body)
    """A process that vanishes between two questions is gone too."""

    def body() -> None:
        try:
            look()
        except psutil.Error:
            os._exit(1)

    return body


def is_dvc(process: psutil.Process) -> bool:
    """Say whether a process is a DVC; raise psutil.Error where it is gone."""
    return any(Path(word).name in DVC for word in process.cmdline()[:4])


def pipeline_above() -> psutil.Process | None:
    """Return the nearest ancestor that is a dvc process, or None."""
    for ancestor in psutil.Process().parents():
        with contextlib.suppress(psutil.Error):
            if is_dvc(ancestor):
                return ancestor
    return None


def join_pipeline() -> None:
    """Make this process a stage: a signal runs its `finally` clauses, and it ends with the dvc above it and with what started that."""
    end_on_signals()
    above = pipeline_above()
    if above is None and STAGE in os.environ:
        sys.exit(GONE)
    watch(above)
    watch(_starter())


def _starter() -> psutil.Process | None:
    """Return the process that started the pipeline, or None; if it was killed before this stage began, end here."""
    number, _, began = os.environ.get(STARTER, "").partition(" ")
    if not number:
        return None
    try:
        process = psutil.Process(int(number))
        if f"{process.create_time():.2f}" == began:
            return process
    except (psutil.Error, ValueError):
        pass
    sys.exit(GONE)


def _marked(more: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that tells stages which process started them."""
    return {**os.environ, **more, STARTER: f"{os.getpid()} {psutil.Process().create_time():.2f}"}


def start_pipeline(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen:
    """Start a command whose stages end when this process does, however it ends; what it prints is read line by line."""
    return subprocess.Popen(command, env=_marked(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def share_of_workers(workers: int) -> int:
    """Return how many worker processes this stage may start: what its lane was given, else what the settings say (0: one per core)."""
    return int(os.environ.get(WORKERS) or workers or cores())


def cores() -> int:
    """Return how many cores this process may use, which in a container or on a cluster are fewer than the machine has."""
    from joblib import cpu_count  # here: most of what imports this module never asks

    return cpu_count()


def end(processes: Sequence[subprocess.Popen]) -> None:
    """Ask processes to end, and kill those that have not within a few seconds."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_pipeline(command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Run a command whose stages end when this process does, however it ends; return its exit status.

    Args:
        command: program and arguments.
        folder: that it runs in; this process' own if none is given.
        environment: what it is told beside what this process has been told.
    """
    started: list[subprocess.Popen] = []
    try:
        with _signals_put_off():
            started.append(subprocess.Popen(command, cwd=folder, env=_marked(environment or {})))
        return started[0].wait()
    except KeyboardInterrupt:
        for process in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)  # a Ctrl-C has reached it too
        raise
    finally:
        end(started)


@contextlib.contextmanager
def _signals_put_off() -> Iterator[None]:
    """Let signals wait until the block has ended: one that came while a process begins would leave it behind, unknown to this one."""
    came: list[int] = []
    before = {number: handler for number in (signal.SIGTERM, signal.SIGINT)
              if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}  # what is ignored, the new process is to ignore too
    try:
        for number in before:
            signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


def end_on_signals() -> None:
    """Let SIGTERM end this process as Ctrl-C does, so that `finally` clauses run, and let neither of them take for ever.

    The limit is the system's alarm: unlike a thread it also ends a process that hangs while its interpreter shuts down.
    """

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIMIT)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # elsewhere it is ignored, as by `nohup`
        signal.signal(signal.SIGINT, stop)


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the lock .runs/<name>.lock; if another process holds it, say which, and wait."""
    results.RUNS.mkdir(parents=True, exist_ok=True)
    path = results.RUNS / f"{name}.lock"
    holder = results.RUNS / f"{name}.holder"
    file_lock = FileLock(path)
    try:
        file_lock.acquire(timeout=0.1)
    except Timeout:
        try:
            who = holder.read_text(encoding="utf-8")
        except FileNotFoundError:  # it may be gone by now
            who = "unknown"
        print(f"waiting: process {who} holds {path}", file=sys.stderr, flush=True)
        file_lock.acquire()
    try:
        holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        file_lock.release()
