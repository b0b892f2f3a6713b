"""How long one update takes: forward and backward of all members of a run, by cell and by how it is done.

The rivals of a cell hold the same weights, see the same inputs and are checked to give the same outputs before any is timed. They
take turns, so that whatever else the machine does meets them all alike; a rival's time is the median over its turns.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.naive import NAIVE
from unrolled import processor
from unrolled.cells import CELLS
from unrolled.cells.base import Cell, unroll

FEATURES = 2
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {"outputs": 8} if cell.reads_out else {}) for name, cell in CELLS.items()},
    "lstm, peepholes": ("lstm", {"peepholes": True}),
}
LIBRARY: dict[str, type[nn.RNNBase]] = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
GATES = {"lstm": [0, 1, 3, 2], "gru": [0, 1, 2], "elman": [0]}  # of the cell, in torch.nn's order
Forward = Callable[[], Tensor]  # -> outputs (members, batch, time, size)


class Sizes(NamedTuple):
    """What is timed."""

    members: int = 10
    hidden: int = 32
    batch: int = 32
    steps: int = 100
    repetitions: int = 15


QUICK = Sizes(members=2, hidden=8, batch=4, steps=5, repetitions=2)


def measure(sizes: Sizes) -> dict[str, dict[str, list[float]]]:
    """Return milliseconds by cell, by rival ("loop", "fused", "naive", "torch.nn"), turn by turn."""
    processor.prepare()
    rivals = {name: rivals_of(name, sizes) for name in CASES}
    for name, forwards in rivals.items():
        check_agreement(name, forwards)
    times: dict[str, dict[str, list[float]]] = {name: {way: [] for way in forwards} for name, forwards in rivals.items()}
    for _ in range(sizes.repetitions):
        for name, forwards in rivals.items():
            for way, forward in forwards.items():
                times[name][way].append(milliseconds(forward))
    return times


def milliseconds(forward: Forward) -> float:
    """Time one forward and backward pass."""
    start = time.perf_counter()
    forward().sum().backward()
    return 1000 * (time.perf_counter() - start)


def rivals_of(name: str, sizes: Sizes) -> dict[str, Forward]:
    """Return every way to run a cell."""
    kind, options = CASES[name]
    generators = [torch.Generator().manual_seed(seed) for seed in range(sizes.members)]
    cell = CELLS[kind](FEATURES, sizes.hidden, generators, **options)
    inputs = torch.randn(sizes.members, sizes.batch, sizes.steps, FEATURES, generator=generators[0])
    rivals: dict[str, Forward] = {"loop": lambda: unroll(cell, inputs).outputs, "naive": naive(name, cell, inputs)}
    if cell.fused(inputs, cell.initial_state(sizes.batch)) is not None:
        rivals["fused"] = lambda: unroll(cell, inputs, path="fused").outputs
    if name in LIBRARY:
        rivals["torch.nn"] = library(name, cell, inputs)
    return rivals


def naive(name: str, cell: Cell, inputs: Tensor) -> Forward:
    """Return the plain loop, one member after the other."""
    weights = [{key: parameter[member].detach().clone().requires_grad_() for key, parameter in cell.named_parameters()}
               for member in range(cell.members)]
    return lambda: torch.stack([NAIVE[name](own, own_inputs) for own, own_inputs in zip(weights, inputs, strict=True)])


def library(name: str, cell: Cell, inputs: Tensor) -> Forward:
    """Return torch.nn's module, one per member, with the member's weights."""
    modules = [LIBRARY[name](cell.features, cell.hidden, batch_first=True) for _ in range(cell.members)]
    for member, module in enumerate(modules):
        copy_weights(name, cell, member, module)
    return lambda: torch.stack([module(own)[0] for module, own in zip(modules, inputs, strict=True)])


def copy_weights(name: str, cell: Cell, member: int, module: nn.RNNBase) -> None:
    """Give torch.nn's module a member's weights; it has one bias more per gate than needed."""

    def reorder(values: Tensor) -> Tensor:
        chunks = values[member].chunk(len(GATES[name]), -1)
        return torch.cat([chunks[index] for index in GATES[name]], -1)

    with torch.no_grad():
        module.weight_ih_l0.copy_(reorder(cell.input_weight).t())
        module.weight_hh_l0.copy_(reorder(cell.recurrent_weight).t())
        module.bias_ih_l0.copy_(reorder(cell.bias)[0])
        module.bias_hh_l0.zero_()
        if name == "gru":
            module.bias_hh_l0[-cell.hidden :] = cell.candidate_bias[member, 0]


def check_agreement(name: str, forwards: dict[str, Forward]) -> None:
    """Make sure that all rivals compute the same.

    Raises:
        AssertionError: they do not, so comparing their times would say nothing.
    """
    expected = forwards["loop"]()
    for way, forward in forwards.items():
        torch.testing.assert_close(forward(), expected, rtol=1e-4, atol=1e-4, msg=lambda text, way=way: f"{name}, {way}: {text}")


def report(times: dict[str, dict[str, list[float]]], sizes: Sizes) -> str:
    """Return the table as Markdown; a ratio is the median of the ratios turn by turn."""
    lines = [
        "# Time of one update", "",
        f"Forward and backward of {sizes.members} members, hidden {sizes.hidden}, batch {sizes.batch}, {sizes.steps} steps, "
        f"{FEATURES} features, float32: milliseconds, median of {sizes.repetitions} turns; the rivals take turns in one process.",
        "*Loop* and *fused* are this package's two paths (all members at once; the library's kernel, member by member), *naive* is",
        "a plain PyTorch loop for one member after the other (`naive.py`), *torch.nn* its RNN, LSTM or GRU, likewise. All hold",
        "the same weights and give the same outputs. *Gain*: how many times longer a rival takes than the faster of our paths.", "",
        f"{processor_name()}; torch {torch.__version__}, one thread, denormals flushed. Made by `make bench`.", "",
        "| cell | loop | fused | naive | torch.nn | gain on naive | gain on torch.nn |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, ways in times.items():
        ours = min((way for way in ("loop", "fused") if way in ways), key=lambda way: statistics.median(ways[way]))
        cells = [f"{statistics.median(ways[way]):.1f}" if way in ways else "–" for way in ("loop", "fused", "naive", "torch.nn")]
        gains = [f"{gain(ways[way], ways[ours]):.1f}" if way in ways else "–" for way in ("naive", "torch.nn")]
        lines.append(f"| {' | '.join([name, *cells, *gains])} |")
    return "\n".join(lines) + "\n"


def gain(theirs: list[float], ours: list[float]) -> float:
    """Return the median ratio of times taken in the same turn."""
    return statistics.median(their / our for their, our in zip(theirs, ours, strict=True))


def processor_name() -> str:
    """Return the processor's name, as far as the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
