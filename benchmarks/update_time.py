"""How long one update takes: forward and backward of all members of a run, by cell and by how it is done.

The rivals of a cell hold the same weights, see the same inputs and are checked to give the same outputs before any is timed. They
take turns, so that whatever else the machine does meets them all alike; a rival's time is the median over its turns.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks import machine
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
HAS_JAX = importlib.util.find_spec("jax") is not None
OURS = ("loop", "fused")  # this package's two paths


class Rival(NamedTuple):
    """One way to run a cell.

    Attributes:
        outputs: returns (members, batch, time, size).
        update: computes the gradient of their sum by every weight.
    """

    outputs: Callable[[], Tensor]
    update: Callable[[], object]


class Sizes(NamedTuple):
    """What is timed."""

    members: int = 10
    hidden: int = 32
    batch: int = 32
    steps: int = 100
    repetitions: int = 15

    def __str__(self) -> str:
        return f"{self.members} members, hidden {self.hidden}, batch {self.batch}, {self.steps} steps"


ALL = (Sizes(), Sizes(5, 8, 32, 100), Sizes(5, 64, 64, 200, 7))
QUICK = (Sizes(members=2, hidden=8, batch=4, steps=5, repetitions=2),)
Times = dict[str, dict[str, list[float]]]


def measure(sizes: Sizes) -> tuple[Times, dict[str, float]]:
    """Return milliseconds by cell, by rival ("loop", "fused", "naive", "torch.nn", "jax"), turn by turn; and each cell's operations."""
    processor.prepare()
    rivals, operations = {}, {}
    for name in CASES:
        cell, rivals[name] = rivals_of(name, sizes)
        check_agreement(name, rivals[name])
        operations[name] = products(cell, sizes)
    times: Times = {name: {way: [] for way in ways} for name, ways in rivals.items()}
    for ways in rivals.values():
        for rival in ways.values():
            rival.update()  # compiled, and its memory taken
    for _ in range(sizes.repetitions):
        for name, ways in rivals.items():
            for way, rival in ways.items():
                times[name][way].append(milliseconds(rival))
    return times, operations


def milliseconds(rival: Rival) -> float:
    """Time one forward and backward pass."""
    start = time.perf_counter()
    rival.update()
    return 1000 * (time.perf_counter() - start)


def products(cell: Cell, sizes: Sizes) -> float:
    """Return the floating point operations of an update's matrix products: forward, by weight and, but for the inputs, by state."""
    total = 0.0
    for name, weight in cell.named_parameters():
        if weight.dim() == 3 and weight.shape[1] > 1:
            total += weight[0].numel() * (2 if "input_weight" in name else 3)
    return 2 * total * sizes.members * sizes.batch * sizes.steps


def rivals_of(name: str, sizes: Sizes) -> tuple[Cell, dict[str, Rival]]:
    """Return a cell and every way to run it."""
    kind, options = CASES[name]
    generators = [torch.Generator().manual_seed(seed) for seed in range(sizes.members)]
    cell = CELLS[kind](FEATURES, sizes.hidden, generators, **options)
    inputs = torch.randn(sizes.members, sizes.batch, sizes.steps, FEATURES, generator=generators[0])
    rivals = {"loop": by_torch(lambda: unroll(cell, inputs).outputs, list(cell.parameters()))}
    if cell.fused(inputs, cell.initial_state(sizes.batch)) is not None:
        rivals["fused"] = by_torch(lambda: unroll(cell, inputs, path="fused").outputs, list(cell.parameters()))
    rivals["naive"] = naive(name, cell, inputs)
    if name in LIBRARY:
        rivals["torch.nn"] = library(name, cell, inputs)
    if HAS_JAX:
        rivals["jax"] = by_jax(name, cell, inputs)
    return cell, rivals


def by_torch(outputs: Callable[[], Tensor], weights: Sequence[Tensor]) -> Rival:
    """Return a rival whose gradients torch finds."""
    return Rival(outputs, lambda: torch.autograd.grad(outputs().sum(), weights, allow_unused=True))


def naive(name: str, cell: Cell, inputs: Tensor) -> Rival:
    """Return the plain loop, one member after the other."""
    weights = [{key: parameter[member].detach().clone().requires_grad_() for key, parameter in cell.named_parameters()}
               for member in range(cell.members)]
    return by_torch(lambda: torch.stack([NAIVE[name](own, own_inputs) for own, own_inputs in zip(weights, inputs, strict=True)]),
                    [weight for own in weights for weight in own.values()])


def library(name: str, cell: Cell, inputs: Tensor) -> Rival:
    """Return torch.nn's module, one per member, with the member's weights."""
    modules = [LIBRARY[name](cell.features, cell.hidden, batch_first=True) for _ in range(cell.members)]
    for member, module in enumerate(modules):
        copy_weights(name, cell, member, module)
    return by_torch(lambda: torch.stack([module(own)[0] for module, own in zip(modules, inputs, strict=True)]),
                    [weight for module in modules for weight in module.parameters()])


def by_jax(name: str, cell: Cell, inputs: Tensor) -> Rival:
    """Return the cell in JAX, all members at once."""
    from benchmarks import jax_cells  # here: JAX is wanted by nothing else, and may be missing

    weights = {key: parameter.detach().numpy() for key, parameter in cell.named_parameters()}
    outputs, gradients = jax_cells.prepared(name, weights, inputs.numpy())
    return Rival(lambda: torch.from_numpy(outputs().copy()), gradients)


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


def check_agreement(name: str, rivals: dict[str, Rival]) -> None:
    """Make sure that all rivals compute the same.

    Raises:
        AssertionError: they do not, so comparing their times would say nothing.
    """
    expected = rivals["loop"].outputs()
    for way, rival in rivals.items():
        torch.testing.assert_close(rival.outputs(), expected, rtol=1e-4, atol=1e-4, msg=lambda text, way=way: f"{name}, {way}: {text}")


def report(measured: Sequence[tuple[Sizes, Times, dict[str, float]]], peak: float) -> str:
    """Return the tables as Markdown; a ratio is the median of the ratios turn by turn."""
    lines = [
        "# Time of one update", "",
        f"Forward and backward of all members, {FEATURES} features, float32: milliseconds, median over turns; the rivals take turns",
        "in one process that is bound to one core. *Loop* and *fused* are this package's two paths (all members at once; the library's",
        "kernel, member by member), *naive* is a plain PyTorch loop for one member after the other (`naive.py`), *torch.nn* its RNN, LSTM",
        "or GRU, likewise, *JAX* is `lax.scan`, `vmap` over members and `jit` (`jax_cells.py`). All hold the same weights and give the",
        "same outputs.", "",
        "*Best rival*: how many times longer the fastest rival takes than the faster of our paths; below 1 it wins. *Floor*: what the",
        f"matrix products alone take at the peak measured here, {peak / 1e9:.0f} GFLOP/s in one large product; *to the floor*: our time",
        "over it.", "",
        f"{machine.processor_name()}; torch {torch.__version__}, one thread, denormals flushed. Made by `make bench`.",
        *([] if HAS_JAX else ["JAX is not installed here: its column is empty (`requirements-bench.lock`)."]),
    ]
    for sizes, times, operations in measured:
        lines += ["", f"## {str(sizes)[0].upper()}{str(sizes)[1:]}", "",
                  "| cell | loop | fused | naive | torch.nn | JAX | best rival | floor | to the floor |",
                  "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
        lines += [row(name, ways, 1000 * operations[name] / peak) for name, ways in times.items()]
    return "\n".join(lines) + "\n"


def row(name: str, ways: dict[str, list[float]], floor: float) -> str:
    """Return one cell's line."""
    medians = {way: statistics.median(times) for way, times in ways.items()}
    ours = min((way for way in OURS if way in ways), key=medians.__getitem__)
    rival = min((way for way in ways if way not in OURS), key=medians.__getitem__)
    shown = [f"{medians[way]:.1f}" if way in medians else "–" for way in ("loop", "fused", "naive", "torch.nn", "jax")]
    return (f"| {name} | {' | '.join(shown)} | {gain(ways[rival], ways[ours]):.2f} ({'JAX' if rival == 'jax' else rival}) "
            f"| {floor:.2f} | {medians[ours] / floor:.0f} |")


def gain(theirs: list[float], ours: list[float]) -> float:
    """Return the median ratio of times taken in the same turn."""
    return statistics.median(their / our for their, our in zip(theirs, ours, strict=True))
