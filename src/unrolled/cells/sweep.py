"""All steps of a cell at once, with a backward pass that the cell brings along, and what such a cell is made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from unrolled.cells.base import Cell


LONGEST = 1000  # steps whose gates are kept for the way back; of longer sequences they are computed again, stretch by stretch


def sweep(cell: Cell, inputs: Tensor, state: Any, running: Tensor | None) -> tuple[Tensor, Any]:
    """Return the outputs (members, batch, time, hidden) and the last state of a cell; the arguments are those of `Cell.sweep`."""
    outputs, *last = _Sweep.apply(cell, running, inputs, *state, *cell.swept_weights())
    if running is not None:
        outputs = torch.where(running, outputs, 0.0)
    return outputs.transpose(1, 2), type(state)(*last)


class _Sweep(torch.autograd.Function):
    """All steps of a cell with the backward pass that it brings along.

    Autograd notes every operation, and most of the time goes into fetching from memory what each of them left there. Here the sums of a
    step and their gradients are gone again before the next step. A float32 result differs in its last bits.

    Of a sequence longer than `LONGEST` only the state before each stretch is kept; the way back computes a stretch once more (Chen et
    al. 2016), to the same bits, in memory that does not grow with what a step leaves.

    Raises:
        RuntimeError: a derivative of the gradient is asked for, as by `create_graph`.
    """

    @staticmethod
    def forward(ctx: Any, cell: Cell, running: Tensor | None, inputs: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        weights = len(cell.swept_weights())
        state = type(cell.initial_state(1))(*tensors[:-weights])
        ctx.cell, ctx.running, ctx.weights, ctx.starts, ctx.kept = cell, running, weights, [], None
        hidden = None
        for stretch in stretches(inputs.shape[1]):
            states, kept = cell.sweep(inputs[:, stretch], state, tensors[-weights:], _part(running, stretch))
            ctx.starts.append(state)
            state = type(state)(*(part[:, -1].clone() for part in states))
            if inputs.shape[1] <= LONGEST:
                hidden, ctx.kept = states.hidden, (states._replace(hidden=None), kept)
            else:
                hidden = time_major(inputs, states.hidden.shape[-1]) if hidden is None else hidden
                hidden[:, stretch] = states.hidden
        ctx.starts[0] = None  # among the tensors
        ctx.save_for_backward(inputs, hidden, *tensors)  # an output, and inputs: kept otherwise, they would keep each other alive
        return hidden, *state

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, *last: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("a sweep has no second derivative; unroll the cell with keep_states for one.")
        inputs, hidden, *tensors = ctx.saved_tensors
        kind, weights = type(ctx.cell.initial_state(1)), tensors[-ctx.weights :]
        of_inputs = torch.empty_like(inputs) if ctx.needs_input_grad[2] else None
        of_state, of_weights = kind(*last), None
        for stretch, start in reversed(list(zip(stretches(inputs.shape[1]), ctx.starts, strict=True))):
            start = start or kind(*tensors[: -ctx.weights])
            given = inputs[:, stretch], _part(ctx.running, stretch)
            if ctx.kept:
                states, kept = ctx.kept[0]._replace(hidden=hidden), ctx.kept[1]
            else:
                states, kept = ctx.cell.sweep(given[0], start, weights, given[1])
            of_state, shares = ctx.cell.sweep_back(
                *given, states, start, kept, weights, upstream[:, stretch], of_state, _part(of_inputs, stretch))
            of_weights = shares if of_weights is None else [total.add_(share) for total, share in zip(of_weights, shares, strict=True)]
        return None, None, of_inputs, *of_state, *of_weights


def stretches(time: int) -> list[slice]:
    """Return the stretches of a sequence, each as long as may be kept at once."""
    return [slice(start, min(start + LONGEST, time)) for start in range(0, time, LONGEST)]


def _part(values: Tensor | None, stretch: slice) -> Tensor | None:
    """Return a stretch of (members, time, ...), None of nothing."""
    return None if values is None else values[:, stretch]


class Products:
    """The products of one step's inputs and weight after the other, and what they do to the gradients.

    Args:
        weight: (members, features, width), of more than one column. of_weight: its gradient so far.
    """

    def __init__(self, weight: Tensor) -> None:
        self.weight, self.turned, self.is_column = weight, weight.transpose(1, 2), weight.shape[1] == 1
        self.of_weight = torch.zeros_like(weight, memory_format=torch.contiguous_format)

    def add(self, base: Tensor, inputs: Tensor, out: Tensor) -> Tensor:
        """Write base + inputs (members, batch, features) @ weight."""
        multiply = torch.addcmul if self.is_column else torch.baddbmm  # see `linear`
        return multiply(base, inputs, self.weight, out=out)

    def back(self, inputs: Tensor, gradient: Tensor, of_inputs: Tensor | None = None) -> None:
        """Add a step's share to `of_weight`, by the gradient (members, batch, width) of its product; write that of the inputs."""
        if self.is_column:
            self.of_weight += (inputs * gradient).sum(1, keepdim=True)
        else:
            self.of_weight.baddbmm_(inputs.transpose(1, 2), gradient)
        if of_inputs is not None and self.is_column:
            torch.sum(gradient * self.weight, -1, keepdim=True, out=of_inputs)
        elif of_inputs is not None:
            torch.bmm(gradient, self.turned, out=of_inputs)


def steps(*parts: Tensor | Sequence[Tensor] | None) -> Iterator[tuple[Any, ...]]:
    """Yield a tuple for each step: of tensors (members, time, ...) what they hold there, of sequences the next, None of nothing.

    Taking a tensor apart in one call costs a small part of what `tensor[:, time]` does at each step, which is as much as a small product.
    """
    return zip(*(itertools.repeat(None) if part is None else part.unbind(1) if isinstance(part, Tensor) else part for part in parts))


def before(first: Any, states: Tensor) -> list[Any]:
    """Return what belongs to the step before each: first, and then what (members, time, ...) hold at every step but the last."""
    return [first, *states.unbind(1)[:-1]]


def time_major(like: Tensor, size: int) -> Tensor:
    """Return room (members, time, batch, size) for what steps write one after another, in which a step's values lie together in memory.

    Were a member's values together instead, every step would write to a page of each member: several times slower.
    """
    members, time, batch = like.shape[:3]
    return like.new_empty(time, members, batch, size).transpose(0, 1)


INTO: dict[str, Callable[..., Tensor]] = {  # (values, out=where the activation is written, which may be the values' own place)
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": lambda values, out: torch.clamp(values, min=0, out=out),
    "linear": lambda values, out: out.copy_(values),
}
BACKWARD: dict[str, Callable[..., Tensor]] = {  # (gradient of the value, value, grad_input=where it is written)
    "tanh": torch.ops.aten.tanh_backward.grad_input,
    "sigmoid": torch.ops.aten.sigmoid_backward.grad_input,
    "relu": lambda gradient, values, grad_input: torch.ops.aten.threshold_backward.grad_input(gradient, values, 0, grad_input=grad_input),
    "linear": lambda gradient, values, grad_input: grad_input.copy_(gradient),
}


def backward(activation: str, gradient: Tensor, values: Tensor, out: Tensor | None = None) -> Tensor:
    """Return the gradient of what an activation was given from that of its `values`, in the place of `gradient` unless `out` is given."""
    return BACKWARD[activation](gradient, values, grad_input=gradient if out is None else out)
