"""What an update costs against its work: time and memory by steps, by hidden size, by members.

Each size is measured in this process, whose peak memory the system is asked to count anew before every one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch

from unrolled import processor
from unrolled.cells import CELLS
from unrolled.cells.base import unroll

FEATURES = 2
MB = 2**20


class Sizes(NamedTuple):
    """What is measured: the middle size, and what stands in the place of one of its numbers."""

    cells: tuple[str, ...] = ("elman", "lstm", "gru")
    members: int = 10
    hidden: int = 32
    batch: int = 32
    steps: int = 100
    varied: Mapping[str, tuple[int, ...]] = {
        "steps": (50, 100, 200, 400, 800), "hidden": (8, 16, 32, 64, 128), "members": (1, 4, 16, 64)}
    repetitions: int = 5


QUICK = Sizes(("elman",), 2, 4, 4, 4, {"steps": (4, 8)}, 2)


class Cost(NamedTuple):
    """Milliseconds of an update, and MB at its peak beyond what stood before, None where the system does not say."""

    milliseconds: float
    megabytes: float | None


def measure(sizes: Sizes) -> dict[str, dict[str, dict[int, Cost]]]:
    """Return the cost by cell, by what is varied, by its value."""
    processor.prepare()
    return {cell: {what: {value: cost(cell, sizes._replace(**{what: value})) for value in values} for what, values in sizes.varied.items()}
            for cell in sizes.cells}


def cost(name: str, sizes: Sizes) -> Cost:
    """Measure one size: the peak of the first update, the time of the next ones."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(sizes.members)]
    cell = CELLS[name](FEATURES, sizes.hidden, generators)
    inputs = torch.randn(sizes.members, sizes.batch, sizes.steps, FEATURES, generator=generators[0])

    def update() -> None:
        torch.autograd.grad(unroll(cell, inputs).outputs.sum(), list(cell.parameters()))

    processor.give_memory_back()
    before = psutil.Process().memory_info().rss
    counted = count_peak_anew()
    update()
    megabytes = (peak_memory() - before) / MB if counted else None
    times = []
    for _ in range(sizes.repetitions):
        started = time.perf_counter()
        update()
        times.append(1000 * (time.perf_counter() - started))
    return Cost(statistics.median(times), megabytes)


def count_peak_anew() -> bool:
    """Tell Linux to forget the process's peak memory; return whether it did."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peak_memory() -> int:
    """Return the largest memory of this process since `count_peak_anew`, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0


def straight(values: Mapping[int, float]) -> tuple[float, float]:
    """Return the exponent of a power law through the points (1: twice the work, twice the cost), and the share a straight line explains."""
    work, costs = np.array(list(values)), np.array(list(values.values()))
    exponent = np.polyfit(np.log(work), np.log(costs), 1)[0]
    left = costs - np.polyval(np.polyfit(work, costs, 1), work)
    return float(exponent), float(1 - left.var() / costs.var())


def report(costs: dict[str, dict[str, dict[int, Cost]]], sizes: Sizes) -> str:
    """Return the tables as Markdown."""
    lines = [
        "# Cost against work", "",
        f"One update (forward and backward), from {sizes.members} members, hidden {sizes.hidden}, batch {sizes.batch}, {sizes.steps}",
        f"steps; one number at a time is varied. Milliseconds (median of {sizes.repetitions}) and, in brackets, MB at the peak.",
        "*Exponent*: of the power law through the times, 1 where twice the work takes twice as long; *line*: the share of the differences",
        "that a straight line explains (R²).", "",
    ]
    for what in sizes.varied:
        values = sizes.varied[what]
        lines += [f"| {what} | {' | '.join(map(str, values))} | exponent | line |", f"|---|{'---:|' * (len(values) + 2)}"]
        for cell, found in costs.items():
            exponent, explained = straight({value: point.milliseconds for value, point in found[what].items()})
            cells = [f"{point.milliseconds:.1f}" + (f" ({point.megabytes:.0f})" if point.megabytes is not None else "")
                     for point in found[what].values()]
            lines.append(f"| {cell} | {' | '.join(cells)} | {exponent:.2f} | {explained:.3f} |")
        lines.append("")
    lines += [
        "Steps and members are straight lines: the loop does the same again. Below hidden 32 an update hardly gets cheaper, since starting",
        "a kernel takes longer than its work; from 64 on the recurrent product, whose work grows with the square, weighs in.",
    ]
    return "\n".join(lines) + "\n"
