"""The simple recurrent network of Elman (1990): the hidden layer is stored and read back at the next step."""

from __future__ import annotations

import math
from typing import NamedTuple

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
    recur,
    uniform,
)


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
        input_deviation: float = 0.1,
    ) -> None:
        super().__init__(features, hidden, generators)
        self.activation = ACTIVATIONS[activation]
        draw = uniform(1 / math.sqrt(hidden))
        is_identity = initialisation == "identity"
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
