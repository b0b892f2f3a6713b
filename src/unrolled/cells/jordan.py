"""The network of Jordan (1986): what is stored and read back is the read-out's output, not the hidden layer."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import ACTIVATIONS, Cell, Generators, constant, linear, per_member, recur, uniform


class JordanState(NamedTuple):
    """The last output after its activation, as it is fed back: (members, batch, outputs)."""

    output: Tensor


class Jordan(Cell):
    r"""Jordan network: :math:`h_t = f(W x_t + U y_{t-1} + b)`, :math:`o_t = V h_t + c`, :math:`y_t = g(o_t)`.

    The outputs are the predictions o themselves, since the read-out is part of the recurrence.

    Args:
        outputs: size of the read-out.
        activation: f.
        output_activation: g; "softmax" for classes, "linear" for numbers.

    Notes:
        1. With `feedback` (teacher forcing) the given target takes the place of y.
        2. Jordan's plan units and the decay of the context units are left out, as in the lecture.
    """

    reads_out = True

    def __init__(
        self,
        features: int,
        hidden: int,
        generators: Generators,
        *,
        outputs: int,
        activation: str = "tanh",
        output_activation: str = "softmax",
    ) -> None:
        super().__init__(features, hidden, generators)
        self.output_size = outputs
        self.activation = ACTIVATIONS[activation]
        self.softmax = output_activation == "softmax"
        draw = uniform(1 / math.sqrt(hidden))
        self.input_weight = per_member(generators, (features, hidden), draw)
        self.recurrent_weight = per_member(generators, (outputs, hidden), draw)
        self.bias = per_member(generators, (1, hidden), draw)
        self.output_weight = per_member(generators, (hidden, outputs), draw)
        self.output_bias = per_member(generators, (1, outputs), constant(0))

    def initial_state(self, batch: int) -> JordanState:
        """Return zeros (members, batch, outputs)."""
        return JordanState(self.zeros(batch, self.output_size))

    def project(self, inputs: Tensor) -> Tensor:
        """Return W x + b: (members, rows, hidden)."""
        return linear(inputs, self.input_weight, self.bias)

    def step(self, projected: Tensor, state: JordanState, feedback: Tensor | None = None) -> tuple[Tensor, JordanState]:
        """Return the prediction before its activation, and the state that holds it after."""
        previous = state.output if feedback is None else feedback
        hidden = self.activation(recur(projected, previous, self.recurrent_weight))
        output = linear(hidden, self.output_weight, self.output_bias)
        return output, JordanState(torch.softmax(output, -1) if self.softmax else output)
