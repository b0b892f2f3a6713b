"""Where the time of the whole pipeline goes, by the records of its last whole run; what nothing to do takes; what a worker more brings."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from joblib.externals.loky import get_reusable_executor

from benchmarks import machine
from unrolled import execution, results, settings, stage_times

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 8  # stages that are named


class Sizes(NamedTuple):
    """What is timed."""

    updates: int = 120
    jobs: int = 16
    repetitions: int = 3
    nothing_to_do: bool = True


QUICK = Sizes(updates=2, jobs=2, repetitions=1, nothing_to_do=False)


def measure(sizes: Sizes) -> dict[str, Any]:
    """Return seconds of the last whole run by stage, of a run with nothing to do, and of some jobs by number of workers."""
    chosen = settings.load(ROOT / "params.yaml")
    return {"run": last_run(), "nothing": nothing_to_do() if sizes.nothing_to_do else None, "workers": by_workers(chosen, sizes)}


def last_run() -> dict[str, Any] | None:
    """Return the record of the last whole run with those that its stages left in it, None where there has been none."""
    with contextlib.chdir(ROOT):
        whole = stage_times.whole_run()
        stages = stage_times.of_run(whole) if whole else {}
    return {**whole, "stages": stages, "done_again": len(whole["stages"]) - len(stages)} if whole else None


def nothing_to_do() -> float | None:
    """Return the seconds that a second `make reproduce` takes where everything is up to date; None where it is not."""
    if not results.DVC_LOCK.exists():
        return None
    command = [sys.executable, "-m", "pipelines.reproduce"]
    for _ in range(2):  # the first reads from the disk what the benchmarks before it drove out of memory
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if "Nothing changed" not in done.stdout:
            return None
    return time.perf_counter() - started


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """Work in an empty folder, whose finished members nobody misses."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        yield


def by_workers(chosen: settings.Settings, sizes: Sizes) -> dict[int, list[float]]:
    """Return seconds of some like jobs by number of workers, turn by turn, their start included in each."""
    run = dataclasses.replace(chosen.tasks["adding"].runs["gru"], updates=sizes.updates, members_together=5, stop_below=0.0)
    members = [(seed, 0.01) for seed in range(5 * sizes.jobs)]
    times: dict[int, list[float]] = defaultdict(list)
    counts = [count for count in (1, 2) if count <= (os.cpu_count() or 1)]
    for _ in range(sizes.repetitions):
        for count in counts:
            get_reusable_executor(reuse=True, kill_workers=True).shutdown(wait=True, kill_workers=True)  # their folder is gone
            with elsewhere():
                jobs = execution.plan(run, chosen.tasks["adding"].reads, members, "cpu")
                started = time.perf_counter()
                execution.execute(jobs, "cpu", dataclasses.replace(chosen, workers=count, engine="local"), f"{count} workers")
                times[count].append(time.perf_counter() - started)
    return times


def report(measured: dict[str, Any], sizes: Sizes) -> str:
    """Return the tables as Markdown."""
    lines = ["# Time of the whole pipeline", ""]
    run = measured["run"]
    lines += table(run) if run else ["No whole run has been made here: `make clean`, then `make reproduce`."]
    if measured["nothing"]:
        lines += ["", f"With nothing to do `make reproduce` takes {measured['nothing']:.1f} s."]
    workers = {count: statistics.median(times) for count, times in measured["workers"].items()}
    if 2 in workers:
        gain = statistics.median(one / two for one, two in zip(measured["workers"][1], measured["workers"][2], strict=True))
        lines += ["", f"{sizes.jobs} like jobs of training take {workers[1]:.1f} s with one worker and {workers[2]:.1f} s with two, "
                  f"their start included: {gain:.2f} times as fast (median of {sizes.repetitions} turns)."]
    return "\n".join(lines) + "\n"


def total(records: Iterable[Mapping[str, Any]], what: str) -> float:
    """Return the sum of one entry of all records."""
    return sum(record[what] for record in records)


def table(run: dict[str, Any]) -> list[str]:
    """Return the seconds of a run by kind of stage, and its longest stages."""
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, record in run["stages"].items():
        kinds[name.partition("@")[0]].append(record)
    wall, lanes, done_again = run["ended"] - run["began"], run["lanes"], run["done_again"]
    stages = len(run["stages"]) + done_again
    work, start = (total(run["stages"].values(), what) for what in ("work", "start"))
    lines = [
        f"The last run of all {stages} stages at scale `{run['scale']}` took {wall:.0f} s, {lanes} stages at a time"
        + (f"; {run['kept']} members were there already." if run["kept"] else ", from nothing.")
        + (f" Left out below: {done_again} of them, done again since." if done_again else "")
        + " *Start*: Python and its imports.", "",
        "| stages | number | work (s) | start (s) |", "|---|---:|---:|---:|",
        *(f"| {kind} | {len(records)} | {total(records, 'work'):.1f} | {total(records, 'start'):.1f} |" for kind, records in kinds.items()),
        f"| all | {len(run['stages'])} | {work:.1f} | {start:.1f} |", "",
        f"Work over {lanes} lanes would be {work / lanes:.0f} s: the rest, {max(wall - work / lanes, 0):.0f} s or "
        f"{max(1 - work / lanes / wall, 0):.0%}, is starts, DVC's books and lanes that wait for each other. The longest stages:", "",
        "| stage | work (s) |", "|---|---:|",
    ]
    longest = sorted(run["stages"], key=lambda name: -run["stages"][name]["work"])[:LONGEST]
    return lines + [f"| {name} | {run['stages'][name]['work']:.1f} |" for name in longest] + ["", f"{machine.processor_name()}."]
