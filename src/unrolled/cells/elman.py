"""The simple recurrent network of Elman (1990): the hidden layer is stored and read back at the next step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import (
    ACTIVATIONS,
    Cell,
    Generators,
    constant,
    identity,
    linear,
    normal,
    orthogonal,
    per_member,
    project_sweep,
    project_sweep_back,
    recur,
    uniform,
)
from unrolled.cells.sweep import INTO, Products, backward, before, steps, time_major

INPUT_DEVIATION = 0.1  # unless it is given


class ElmanState(NamedTuple):
    """The stored hidden layer: (members, batch, hidden)."""

    hidden: Tensor


class Elman(Cell):
    r"""Elman network: :math:`h_t = f(W x_t + U h_{t-1} + b)`.

    Args:
        activation: f, one of tanh, sigmoid, relu, linear.
        initialisation: of U. "default": uniform within 1/sqrt(hidden), as torch.nn.RNN; "orthogonal"; "identity": U = I, b = 0
            and W normal with deviation `input_deviation` (Le, Jaitly & Hinton 2015, "IRNN" with activation relu).
        input_deviation: deviation of W under identity initialisation.

    Notes:
        1. One bias instead of torch.nn.RNN's two; its distribution is that of one of them.
        2. Le et al. draw W with deviation 0.001; with one or two inputs of size one a larger value is needed for the signal to
           be seen at all, so it is a setting.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        generators: Generators,
        *,
        activation: str = "tanh",
        initialisation: str = "default",
        input_deviation: float = INPUT_DEVIATION,
    ) -> None:
        super().__init__(features, hidden, generators)
        self.activation, self.activation_name = ACTIVATIONS[activation], activation
        draw = uniform(1 / math.sqrt(hidden))
        is_identity = initialisation == "identity"
        if input_deviation != INPUT_DEVIATION and not is_identity:
            raise ValueError(f"input_deviation is {input_deviation:g}, but does nothing except with initialisation: identity.")
        recurrent = {"default": draw, "orthogonal": orthogonal, "identity": identity}[initialisation]
        self.input_weight = per_member(generators, (features, hidden), normal(input_deviation) if is_identity else draw)
        self.recurrent_weight = per_member(generators, (hidden, hidden), recurrent)
        self.bias = per_member(generators, (1, hidden), constant(0) if is_identity else draw)

    def initial_state(self, batch: int) -> ElmanState:
        """Return zeros (members, batch, hidden)."""
        return ElmanState(self.zeros(batch))

    def project(self, inputs: Tensor) -> Tensor:
        """Return W x + b: (members, rows, hidden)."""
        return linear(inputs, self.input_weight, self.bias)

    def step(self, projected: Tensor, state: ElmanState, feedback: Tensor | None = None) -> tuple[Tensor, ElmanState]:
        """Return the new hidden layer, as output and as state."""
        hidden = self.activation(recur(projected, state.hidden, self.recurrent_weight))
        return hidden, ElmanState(hidden)

    def swept_weights(self) -> tuple[Tensor, ...]:
        """Return W, U and b; a network of one unit has its steps alone (see `linear`)."""
        return (self.input_weight, self.recurrent_weight, self.bias) if self.hidden > 1 else ()

    def sweep(self, inputs: Tensor, state: ElmanState, weights: Sequence[Tensor], running: Tensor | None
              ) -> tuple[ElmanState, tuple[Tensor, ...]]:
        """Return the hidden layer after each step; kept is nothing else."""
        hidden, states, activate = state.hidden, time_major(inputs, self.hidden), INTO[self.activation_name]
        for direct, goes_on, new in steps(project_sweep(inputs, weights[0], weights[2]), running, states):
            activate(torch.baddbmm(direct, hidden, weights[1], out=new), out=new)
            hidden = new if goes_on is None else torch.where(goes_on, new, hidden, out=new)
        return ElmanState(states), ()

    def sweep_back(self, inputs: Tensor, running: Tensor | None, states: ElmanState, first: ElmanState, kept: tuple[Tensor, ...],
                   weights: Sequence[Tensor], upstream: Tensor, last: ElmanState, of_inputs: Tensor | None
                   ) -> tuple[ElmanState, tuple[Tensor, ...]]:
        """Go back step by step."""
        carried, of_sums, recurrent = last.hidden, time_major(inputs, self.hidden), Products(weights[1])
        parts = steps(running, before(first.hidden, states.hidden), states.hidden, upstream, of_sums)
        for goes_on, old, new, outside, gradient in reversed(list(parts)):
            arrived = torch.add(outside, carried)
            backward(self.activation_name, arrived, new, gradient)
            if goes_on is not None:
                gradient.masked_fill_(~goes_on, 0.0)
            carried = torch.empty_like(arrived)
            recurrent.back(old, gradient, carried)
            if goes_on is not None:
                carried += arrived.masked_fill_(goes_on, 0.0)  # what stands still passes its gradient on
        of_input_weight, of_bias = project_sweep_back(inputs, weights[0], of_sums, of_inputs)
        return ElmanState(carried), (of_input_weight, recurrent.of_weight, of_bias)
