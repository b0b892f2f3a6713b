"""How far the training is: rows that grow while members train, a bar with the time left on a terminal, quiet lines elsewhere."""

from __future__ import annotations

import contextlib
import csv
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from unrolled import results
from unrolled.settings import Run

POLL_SECONDS = 1.0
COLUMNS = ("seed", "learning_rate", "step", "loss", "gradient_norm")


def live_folder() -> Path:
    """Return the folder of histories that are still growing."""
    return results.RUNS / "live"


def clear(task: str) -> None:
    """Remove the growing histories of a task that a killed process left behind."""
    for path in live_folder().glob(f"{task}__*.csv"):
        path.unlink(missing_ok=True)


class Live:
    """Appends history rows of a training to .runs/live/<task>__<run>__<seed>_<rate>.csv; the file goes when it ends."""

    def __init__(self, run: Run, first_member: tuple[int, float]) -> None:
        seed, rate = first_member
        self.path = live_folder() / f"{run.task}__{run.name}__{seed}_{rate:g}.csv"

    def __enter__(self) -> Live:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.report([])
        return self

    def report(self, rows: list[dict[str, Any]]) -> None:
        """Append rows; columns that only some rows have are left to the finished history.

        The file is begun anew where it is gone: `clear` takes it away when another command begins to train the same task.
        """
        with self.path.open("a", encoding="utf-8", newline="") as stream:
            if not stream.tell():
                stream.write(",".join(COLUMNS) + "\n")
            csv.writer(stream).writerows([row[column] for column in COLUMNS] for row in rows)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.path.unlink(missing_ok=True)


class Progress:
    """A bar over jobs, with the losses of those that are running; without a terminal one line at start and end."""

    def __init__(self, title: str, jobs: Sequence[Any]) -> None:
        self.title, self.jobs, self.done, self.started = title, len(jobs), 0, time.perf_counter()
        self.terminal = sys.stderr.isatty()
        self.stopped = threading.Event()

    def __enter__(self) -> Progress:
        self.bar = tqdm(total=self.jobs, desc=self.title, unit="job", disable=not self.terminal, dynamic_ncols=True)
        if self.terminal:
            threading.Thread(target=self._show, daemon=True).start()
        return self

    def advance(self) -> None:
        """Count a finished job."""
        self.done += 1
        self.bar.update()

    def _show(self) -> None:
        while not self.stopped.wait(POLL_SECONDS):
            self.bar.set_postfix_str(current_losses())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopped.set()
        self.bar.close()
        if not self.terminal:
            seconds = time.perf_counter() - self.started
            print(f"{self.title}: {self.done} of {self.jobs} jobs in {seconds:.1f} s", flush=True)


def current_losses() -> str:
    """Return the last step and loss of each training that is running."""
    shown = []
    for path in sorted(live_folder().glob("*.csv")):
        with contextlib.suppress(OSError, IndexError, ValueError):
            last = path.read_text(encoding="utf-8").splitlines()[-1].split(",")
            shown.append(f"{path.stem.split('__')[1]} {last[2]}: {float(last[3]):.3g}")
    return "  ".join(shown)
