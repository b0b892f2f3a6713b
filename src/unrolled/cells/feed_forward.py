"""A layer without memory: the baseline that every statement about memory is held against."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from unrolled.cells.base import ACTIVATIONS, Cell, Generators, linear, per_member, uniform


class FeedForwardState(NamedTuple):
    """The last hidden layer: (members, batch, hidden). It is shown, never read."""

    hidden: Tensor


class FeedForward(Cell):
    r"""One hidden layer applied to each input on its own: :math:`h_t = f(W x_t + b)`.

    Notes:
        The state is kept only so that this layer can stand wherever a recurrent cell can; no step reads it.
    """

    remembers = False

    def __init__(self, features: int, hidden: int, generators: Generators, *, activation: str = "tanh") -> None:
        super().__init__(features, hidden, generators)
        self.activation = ACTIVATIONS[activation]
        bound = 1 / math.sqrt(hidden)
        self.input_weight = per_member(generators, (features, hidden), uniform(bound))
        self.bias = per_member(generators, (1, hidden), uniform(bound))

    def initial_state(self, batch: int) -> FeedForwardState:
        """Return zeros (members, batch, hidden)."""
        return FeedForwardState(self.zeros(batch))

    def project(self, inputs: Tensor) -> Tensor:
        """Return W x + b: (members, rows, hidden)."""
        return linear(inputs, self.input_weight, self.bias)

    def step(self, projected: Tensor, state: FeedForwardState, feedback: Tensor | None = None
             ) -> tuple[Tensor, FeedForwardState]:
        """Return the hidden layer, whatever the state."""
        hidden = self.activation(projected)
        return hidden, FeedForwardState(hidden)
