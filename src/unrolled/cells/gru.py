"""The gated recurrent unit (Cho et al. 2014): two gates, and no memory apart from the hidden value."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import Cell, Generators, constant, linear, per_member, uniform


class GRUState(NamedTuple):
    """The hidden value: (members, batch, hidden)."""

    hidden: Tensor


class GRU(Cell):
    r"""Gated recurrent unit.

    .. math::
        r_t = \sigma(W_r x_t + U_r h_{t-1} + b_r),\quad u_t = \sigma(W_u x_t + U_u h_{t-1} + b_u) \\
        n_t = \tanh(W_n x_t + b_n + r_t (U_n h_{t-1} + d)),\qquad h_t = (1 - u_t)\, n_t + u_t\, h_{t-1}

    The gates lie in the order reset, update, candidate along the width.

    Notes:
        1. The reset gate acts after the recurrent product, as in torch.nn.GRU and cuDNN; Cho et al. let it act before.
        2. One bias per gate instead of two, but for the candidate, whose inner bias d is not redundant.
    """

    def __init__(self, features: int, hidden: int, generators: Generators) -> None:
        super().__init__(features, hidden, generators)
        draw = uniform(1 / math.sqrt(hidden))
        self.input_weight = per_member(generators, (features, 3 * hidden), draw)
        self.recurrent_weight = per_member(generators, (hidden, 3 * hidden), draw)
        self.bias = per_member(generators, (1, 3 * hidden), draw)
        self.candidate_bias = per_member(generators, (1, hidden), constant(0))

    def initial_state(self, batch: int) -> GRUState:
        """Return zeros (members, batch, hidden)."""
        return GRUState(self.zeros(batch))

    def project(self, inputs: Tensor) -> Tensor:
        """Return W x + b of both gates and the candidate: (members, rows, 3 * hidden)."""
        return linear(inputs, self.input_weight, self.bias)

    def step(self, projected: Tensor, state: GRUState, feedback: Tensor | None = None) -> tuple[Tensor, GRUState]:
        """Return the new hidden value, as output and as state."""
        gates, candidate = projected.split((2 * self.hidden, self.hidden), -1)
        recurrent_gates, recurrent_candidate = linear(state.hidden, self.recurrent_weight).split(
            (2 * self.hidden, self.hidden), -1)
        reset, update = torch.sigmoid(gates + recurrent_gates).chunk(2, -1)
        new = torch.tanh(torch.addcmul(candidate, reset, recurrent_candidate + self.candidate_bias))
        hidden = torch.lerp(new, state.hidden, update)
        return hidden, GRUState(hidden)
