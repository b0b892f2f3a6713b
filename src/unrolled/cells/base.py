"""What every recurrent cell shares: the member axis, initial values, and the unrolling over time.

A cell is two small methods. `project` takes the whole sequence's input product at once, outside the loop; `step` does one
time step. Every parameter and activation carries a leading axis `members`: the seeds (and, while tuning, the learning
rates) of a run, which are trained together and never touch each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.cells.sweep import sweep

Generators = Sequence[torch.Generator]
ROWS = 32  # elements that the library's vector code takes at a time, at most
Initialiser = Callable[[tuple[int, ...], torch.Generator], Tensor]


class Unrolled(NamedTuple):
    """A sequence run through a cell.

    Attributes:
        outputs: (members, batch, time, output size).
        state: the last state; with lengths, the state at each sequence's own end.
        states: every state in order of time, if asked for.
    """

    outputs: Tensor
    state: Any
    states: list[Any] | None


class Cell(nn.Module):
    """A recurrence.

    Args:
        features: size of one input vector.
        hidden: size of the hidden layer.
        generators: one random generator per member, each used for that member's initial values alone.

    Attributes:
        output_size: size of one output vector.
        reads_out: whether the outputs are already predictions (true of a Jordan cell, which contains its read-out).
        remembers: whether a step reads the state; where none does, all steps are done at once.
        masked_parameters: number of a member's weights that are held at no effect, as the half of a Clockwork cell's matrix is.
    """

    reads_out: ClassVar[bool] = False
    remembers: ClassVar[bool] = True
    masked_parameters: int = 0

    def __init__(self, features: int, hidden: int, generators: Generators) -> None:
        super().__init__()
        self.features, self.hidden, self.members = features, hidden, len(generators)
        self.output_size = hidden

    def initial_state(self, batch: int) -> Any:
        """Return the state before the first step, zeros unless a cell says otherwise: (members, batch, hidden)."""
        raise NotImplementedError

    def project(self, inputs: Tensor) -> Tensor:
        """Return the input's share of every gate: (members, rows, features) -> (members, rows, width)."""
        raise NotImplementedError

    def step(self, projected: Tensor, state: Any, feedback: Tensor | None = None) -> tuple[Tensor, Any]:
        """Do one time step: (members, batch, width) and a state -> output (members, batch, output size), new state."""
        raise NotImplementedError

    def swept_weights(self) -> tuple[Tensor, ...]:
        """Return the weights that `sweep` uses, or nothing: the cell has its steps alone."""
        return ()

    def sweep(self, inputs: Tensor, state: Any, weights: Sequence[Tensor], running: Tensor | None) -> tuple[Any, tuple[Tensor, ...]]:
        """Do all steps as `step` defines them, without autograd.

        Args:
            inputs: (members, time, batch, features).
            state: before the first step. weights: those of `swept_weights`.
            running: (members, time, batch, 1) false where a sequence has ended and its state stands still; None if all run on.

        Returns:
            The states after each step, each part (members, time, batch, size), of which `hidden` is the output, and whatever else
            `sweep_back` wants to read.
        """
        raise NotImplementedError

    def sweep_back(self, inputs: Tensor, running: Tensor | None, states: Any, first: Any, kept: tuple[Tensor, ...],
                   weights: Sequence[Tensor], upstream: Tensor, last: Any, of_inputs: Tensor | None) -> tuple[Any, tuple[Tensor, ...]]:
        """Go back through `sweep`.

        Args:
            inputs, running, weights: as given to `sweep`; states, kept: as it returned them; first: the state that it began with.
            upstream: (members, time, batch, hidden), the gradient of `states.hidden` from outside the recurrence.
            last: the gradient of the last state, like a state.
            of_inputs: room for the gradient of the inputs, or None: nobody asks for it.

        Returns:
            The gradients of the first state and of `swept_weights`.
        """
        raise NotImplementedError

    def fused(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any] | None:
        """Run a whole sequence (members, batch, time, features) by a library kernel, or return None: there is none."""
        return None

    def zeros(self, batch: int, size: int | None = None) -> Tensor:
        """Return zeros (members, batch, size) of the parameters' device and type."""
        parameter = next(self.parameters())
        return parameter.new_zeros(self.members, batch, size or self.hidden)


def unroll(
    cell: Cell,
    inputs: Tensor,
    state: Any = None,
    lengths: Tensor | None = None,
    feedback: Tensor | None = None,
    keep_states: bool = False,
    path: str = "loop",
    own: Tensor | None = None,
) -> Unrolled:
    """Run a cell over a batch of sequences.

    Args:
        cell: the recurrence.
        inputs: (members, batch, time, features).
        state: state before the first step; zeros by default.
        lengths: (members, batch) whole numbers; past its length a sequence's state stands still and its outputs are 0.
        feedback: (members, batch, time, size), what is fed back at each step in place of the cell's own last output.
        keep_states: return every state too.
        own: (members, batch, time) true where, in spite of `feedback`, the cell reads the first part of its own state.
        path: "loop", or "fused" for the library's kernel where the cell has one (equal to 1e-6, not to the bit). What is "compiled" goes
            through the loop too, as the compiler reads it.

    Returns:
        Outputs, last state and, if asked for, all states.

    Notes:
        1. The batch is filled up to a multiple of `ROWS` meanwhile (not where states are kept): the library computes the last few
           elements of an array by other code, of slightly other results, than the rest, and which elements are last must not
           depend on how many members there are.
        2. A cell that has a `sweep` is taken through all steps by it, which gives the same and has a backward pass of its own. That has
           no second derivative: keep the states for one.
    """
    state = cell.initial_state(inputs.shape[1]) if state is None else state
    missing = -inputs.shape[1] % ROWS
    if missing and not keep_states:
        inputs, lengths, feedback, own = (_add_rows(part, missing) for part in (inputs, lengths, feedback, own))
        state = type(state)(*(_add_rows(part, missing) for part in state))
        full = _unroll(cell, inputs, state, lengths, feedback, keep_states, path, own)
        return Unrolled(full.outputs[:, :-missing], type(state)(*(part[:, :-missing] for part in full.state)), None)
    return _unroll(cell, inputs, state, lengths, feedback, keep_states, path, own)


def _add_rows(values: Tensor | None, count: int) -> Tensor | None:
    """Fill the batch axis, the second, up with its last row: zeros could grow without bound where no real row does."""
    if values is None:
        return None
    return torch.cat([values, values[:, -1:].detach().expand(-1, count, *values.shape[2:])], 1)


def _unroll(cell: Cell, inputs: Tensor, state: Any, lengths: Tensor | None, feedback: Tensor | None, keep_states: bool,
            path: str, own: Tensor | None) -> Unrolled:
    """Do what `unroll` says, on a batch of any size."""
    members, batch, time, features = inputs.shape
    if path == "fused" and lengths is None and feedback is None and not keep_states:
        result = cell.fused(inputs, state)
        if result is not None:
            return Unrolled(*result, None)
    if feedback is None and not keep_states and cell.swept_weights():
        running = None if lengths is None else inside(lengths, time).transpose(1, 2).unsqueeze(-1)
        return Unrolled(*sweep(cell, inputs.transpose(1, 2), state, running), None)
    rows = inputs.transpose(1, 2).reshape(members, time * batch, features)  # time-major: a step's rows lie together
    projected = cell.project(rows).unflatten(1, (time, batch))  # (members, time, batch, width)
    if not cell.remembers and not keep_states:
        return _all_at_once(cell, projected, state, lengths)
    outputs, states = [], []
    # unbind, not [t]: indexing makes the backward pass quadratic in time
    for index, step_input in enumerate(projected.unbind(1)):
        fed = None if feedback is None else feedback[:, :, index]
        if fed is not None and own is not None:
            fed = torch.where(own[:, :, index].unsqueeze(-1), state[0], fed)
        output, new_state = cell.step(step_input, state, fed)
        if lengths is not None:
            running = (index < lengths).unsqueeze(-1)  # (members, batch, 1)
            output = torch.where(running, output, 0.0)
            new_state = type(state)(*(torch.where(running, new, old) for new, old in zip(new_state, state, strict=True)))
        state = new_state
        outputs.append(output)
        if keep_states:
            states.append(state)
    return Unrolled(torch.stack(outputs, 2), state, states if keep_states else None)


def _all_at_once(cell: Cell, projected: Tensor, state: Any, lengths: Tensor | None) -> Unrolled:
    """Do all steps (members, time, batch, width) of a cell that remembers nothing."""
    outputs, states = cell.step(projected, state)
    last = torch.full((len(projected), projected.shape[2]), projected.shape[1], device=projected.device) if lengths is None else lengths
    index = (last - 1).clamp(min=0)[:, None, :, None]  # (members, 1, batch, 1)
    ends = [part.gather(1, index.expand(-1, -1, -1, part.shape[-1])).squeeze(1) for part in states]
    if lengths is not None:
        outputs = torch.where(inside(lengths, projected.shape[1]).transpose(1, 2).unsqueeze(-1), outputs, 0.0)
        ends = [torch.where((lengths > 0).unsqueeze(-1), end, start) for end, start in zip(ends, state, strict=True)]
    return Unrolled(outputs.transpose(1, 2), type(state)(*ends), None)


def inside(lengths: Tensor, time: int) -> Tensor:
    """Return (..., time) true at the steps before each length (...)."""
    return torch.arange(time, device=lengths.device) < lengths.unsqueeze(-1)


def reverse(sequences: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Turn each sequence (members, batch, time, size) around within its own length; padding stays at the end."""
    if lengths is None:
        return sequences.flip(2)
    time = torch.arange(sequences.shape[2], device=sequences.device)
    mirrored = lengths.unsqueeze(-1) - 1 - time  # (members, batch, time)
    index = torch.where(mirrored >= 0, mirrored, time)
    return sequences.gather(2, index.unsqueeze(-1).expand_as(sequences))


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply each member's rows by its own matrix.

    A single column or a single feature is done without a matrix product: the library's matrix-vector kernels sum in an
    order that depends on how many members there are, and a member must get the same bits alone as in company.

    Args:
        inputs: (members, rows, features).
        weight: (members, features, size).
        bias: (members, 1, size).

    Returns:
        (members, rows, size).
    """
    if weight.shape[1] == 1:
        product = inputs * weight
    elif weight.shape[2] == 1:
        product = (inputs * weight.transpose(1, 2)).sum(-1, keepdim=True)
    else:
        return torch.bmm(inputs, weight) if bias is None else torch.baddbmm(bias, inputs, weight)
    return product if bias is None else product + bias


def recur(projected: Tensor, state: Tensor, weight: Tensor) -> Tensor:
    """Return `projected` plus the state (members, batch, size) times the recurrent weight (members, size, width)."""
    if min(weight.shape[1:]) == 1:
        return projected + linear(state, weight)
    return torch.baddbmm(projected, state, weight)


def project_sweep(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return inputs (members, time, batch, features) @ weight + bias, of all steps at once."""
    return linear(inputs.flatten(1, 2), weight, bias).unflatten(1, inputs.shape[1:3])


def project_sweep_back(inputs: Tensor, weight: Tensor, of_sums: Tensor, of_inputs: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the gradients of `project_sweep`'s weight and bias from those of its values; write that of the inputs, if it is asked for."""
    rows, read = of_sums.flatten(1, 2), inputs.flatten(1, 2)
    if of_inputs is not None:
        of_inputs.copy_(linear(rows, weight.transpose(1, 2)).unflatten(1, inputs.shape[1:3]))
    is_column = read.shape[-1] == 1  # see `linear`
    of_weight = (read * rows).sum(1, keepdim=True) if is_column else torch.bmm(read.transpose(1, 2), rows)
    return of_weight, rows.sum(1, keepdim=True)


def per_member(generators: Generators, shape: tuple[int, ...], initialise: Initialiser) -> nn.Parameter:
    """Draw a parameter (members, *shape), each member's values from its own generator."""
    return nn.Parameter(torch.stack([initialise(shape, generator) for generator in generators]))


def uniform(bound: float) -> Initialiser:
    """Draw from [-bound, bound]."""
    return lambda shape, generator: torch.empty(shape, device=generator.device).uniform_(-bound, bound, generator=generator)


def normal(deviation: float) -> Initialiser:
    """Draw from a normal distribution around 0."""
    return lambda shape, generator: torch.empty(shape, device=generator.device).normal_(0, deviation, generator=generator)


def constant(value: float) -> Initialiser:
    """Return the same value everywhere; no random number is drawn."""
    return lambda shape, generator: torch.full(shape, float(value), device=generator.device)


def identity(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return the identity matrix (Le, Jaitly & Hinton 2015)."""
    return torch.eye(*shape, device=generator.device)


def orthogonal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return a random orthogonal matrix (Saxe, McClelland & Ganguli 2014)."""
    return nn.init.orthogonal_(torch.empty(shape, device=generator.device), generator=generator)


def in_chunks(initialisers: Sequence[Initialiser]) -> Initialiser:
    """Draw equal chunks of the last axis by one initialiser each: a gate's own bias, say."""

    def initialise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        size = shape[-1] // len(initialisers)
        return torch.cat([draw((*shape[:-1], size), generator) for draw in initialisers], -1)

    return initialise


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "linear": lambda values: values,
}
