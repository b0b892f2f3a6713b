"""What a benchmark must know of the machine: its name, its peak, and how to stay on one core of it."""

from __future__ import annotations

import contextlib
import platform
import statistics
import time
from pathlib import Path

import psutil
import torch


def stay_on_one_core() -> None:
    """Bind this process to one core, so that no rival gets help from threads that another does not have."""
    with contextlib.suppress(AttributeError, OSError):  # not every system can
        process = psutil.Process()
        process.cpu_affinity(process.cpu_affinity()[:1])


def use_every_core() -> None:
    """Take the bond off again."""
    with contextlib.suppress(AttributeError, OSError):
        psutil.Process().cpu_affinity([])


def processor_name() -> str:
    """Return the processor's name, as far as the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def peak(size: int = 768, repetitions: int = 15) -> float:
    """Return the floating point operations per second of a large float32 product on one thread, the median of some."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    times = []
    for _ in range(repetitions):
        started = time.perf_counter()
        torch.mm(left, right)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / statistics.median(times)
