"""Stages of the pipeline side by side.

DVC does one stage after the other, and most of them keep only one core busy: they start, import, read, analyse. So `make reproduce`
opens lanes, each of which takes the next few stages of a kind to a `dvc repro` of its own, the longest first; DVC's lock keeps its
books in order. A plain `dvc repro` does the same work in one lane.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from tqdm import tqdm

from unrolled import guard, progress, results, stage_times
from unrolled.settings import Settings

DVC = (sys.executable, "-m", "pipelines.dvc")
PATIENTLY = ("--wait-for-lock",)  # another `make reproduce`, which waits for this one, may be asking what is out of date
LANES = 2  # more would leave each too few workers for the long trainings
BUNDLE_SECONDS = 20.0  # short stages share one DVC process, which takes a second or two to start
UNKNOWN_SECONDS = 10.0  # what a stage is taken to last that never ran here
POLL_SECONDS = 0.5
Answer = Callable[[], set[str] | None]
BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}, about {remaining} left {postfix}"


def kinds(chosen: Settings) -> list[list[str]]:
    """Return the stages in groups; no stage reads what another of its own group writes."""
    groups = [[f"data@{name}" for name in chosen.data.sets], [f"train@{name}" for name in chosen.tasks],
              [f"analyse@{name}" for name in chosen.analyses], ["judge"], ["report", "track"]]
    return [group for group in groups if group]  # params.yaml may hold no analyses at all


def share(workers: int, lanes: int) -> int:
    """Return how many worker processes a stage of one lane may start; `workers` 0 stands for one per core."""
    return -(-(workers or guard.cores()) // lanes)


@contextlib.contextmanager
def asking() -> Iterator[Answer]:
    """Let DVC look for what is out of date, which takes it some seconds; call what this gives, meanwhile or later, for its answer."""
    if not results.DVC_LOCK.exists():
        yield lambda: None
        return
    process = subprocess.Popen([*DVC, "repro", "--dry", "--no-run-cache"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield lambda: _answer(process)
    finally:
        guard.end([process])


def _answer(process: subprocess.Popen) -> set[str] | None:
    """Wait for DVC and return the stages that it would run, those that depend on them not always among them; None where it cannot say."""
    said = process.communicate()[0]
    if process.returncode:  # so it does where a stage reads what is not there yet; whatever else it may be, the run itself will say
        return None
    return set(re.findall(r"^Running stage '(.+)':", said, re.MULTILINE))


def reproduce(chosen: Settings, answer: Answer, wanted: set[str] | None = None) -> int:
    """Run every stage that is not up to date; return 0, or DVC's exit status.

    Args:
        chosen: the settings.
        answer: what `asking` gave.
        wanted: stages, with all that they need; None for every one.
    """
    groups, began = kinds(chosen), time.time()
    if wanted is not None:
        groups = [kept for group in groups if (kept := [stage for stage in group if stage in wanted])]
    stages, targets = list(itertools.chain(*groups)), [] if wanted is None else ["--quiet", *sorted(wanted)]
    kept = sum(1 for _ in results.RUNS.glob("*/member.json"))
    stale = answer()
    stale = set(stages) if stale is None else stale & set(stages)
    if not stale:
        return 0
    lanes = min(LANES, chosen.workers or guard.cores()) if chosen.engine == "local" else 1  # a cluster takes a task's jobs at once
    if lanes > 1 and len(stale) > 1:
        first = min(index for index, group in enumerate(groups) if stale & set(group))
        for group in groups[first:]:
            status = Phase(group, chosen, lanes).run()
            if status:
                return status
        status = guard.run_pipeline([*DVC, *PATIENTLY, "repro", *(targets or ["--quiet"])])  # the last word: whatever no lane has done
        if not status and wanted is None and stage_times.ended_since(stages, began) == set(stages):
            stage_times.keep_whole_run(stages, chosen.scale, lanes, began, kept)
        return status
    return guard.run_pipeline([*DVC, *PATIENTLY, "repro", *targets])


def bundles(seconds: Mapping[str, float], lanes: int) -> list[list[str]]:
    """Cut stages into parcels of some seconds, the longest first, and small enough for the lanes to end at about the same time."""
    limit = min(BUNDLE_SECONDS, sum(seconds.values()) / (2 * lanes))
    parcels: list[list[str]] = []
    filled = 0.0
    for stage in sorted(seconds, key=lambda stage: -seconds[stage]):
        if not parcels or filled + seconds[stage] > limit:
            parcels.append([])
            filled = 0.0
        parcels[-1].append(stage)
        filled += seconds[stage]
    return parcels


class Phase:
    """Runs stages that do not depend on each other, in lanes.

    Args:
        stages: their names.
        chosen: the settings.
        lanes: how many at once.
    """

    def __init__(self, stages: list[str], chosen: Settings, lanes: int) -> None:
        self.stages, self.lanes = stages, min(lanes, len(stages))
        self.workers = share(chosen.workers, self.lanes)
        self.seconds = {stage: stage_times.seconds(stage, chosen.scale) or UNKNOWN_SECONDS for stage in stages}
        self.waiting = deque(bundles(self.seconds, self.lanes))
        self.running: dict[int, subprocess.Popen] = {}
        self.starting = threading.Lock()
        self.status, self.done, self.began = 0, set[str](), time.time()

    def run(self) -> int:
        """Return 0, or the exit status of the first lane that failed; the others are then ended, which loses no finished member."""
        threads = [threading.Thread(target=self._lane, args=(lane,), daemon=True) for lane in range(self.lanes)]
        try:
            with tqdm(total=sum(self.seconds.values()), desc=self.stages[0].partition("@")[0], bar_format=BAR,
                      disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:
                for thread in threads:
                    thread.start()
                while (alive := [thread for thread in threads if thread.is_alive()]) and not self.status:
                    self._show(bar)
                    alive[0].join(POLL_SECONDS)
        finally:
            with self.starting:  # no lane is between taking a parcel and starting it
                self.waiting.clear()
                guard.end(list(self.running.values()))
        return self.status

    def _lane(self, lane: int) -> None:
        """Take one parcel after the other, until none is left or something failed."""
        while not self.status:
            with self.starting:
                if not self.waiting:
                    return
                parcel = self.waiting.popleft()
                command = [*DVC, *PATIENTLY, "repro", "--quiet", "--single-item", *parcel]
                self.running[lane] = process = guard.start_pipeline(command, {guard.WORKERS: str(self.workers)})
            for line in process.stdout:
                if line.strip():
                    tqdm.write(line.rstrip(), file=sys.stdout)
                    sys.stdout.flush()
            self.status = self.status or process.wait()
            self.done.update(parcel)

    def _show(self, bar: tqdm) -> None:
        """Move the bar on to what has ended."""
        ended = self.done | stage_times.ended_since(self.stages, self.began)
        bar.n = sum(self.seconds[stage] for stage in ended)
        bar.set_postfix_str(progress.current_losses(), refresh=False)
        bar.refresh()
