"""The Clockwork RNN (Koutnik et al. 2014): groups of units that are updated at different rates."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import Cell, Generators, linear, per_member, recur, uniform


class ClockworkState(NamedTuple):
    """Hidden value (members, batch, hidden) and the number of steps done (members, batch, 1)."""

    hidden: Tensor
    clock: Tensor


class Clockwork(Cell):
    r"""Clockwork RNN: at step t (from 0) group k, of period :math:`2^k`, is updated if the period divides t, else it stands still.

    .. math:: h_t = \tanh(W x_t + U h_{t-1} + b) \text{ for active units}

    A unit reads units of its own group and of slower ones only, so U is block triangular.

    Args:
        groups: number of groups; their sizes are as equal as the hidden size allows.

    Notes:
        The clock is part of the state, so a sequence may be cut and carried on.
    """

    def __init__(self, features: int, hidden: int, generators: Generators, *, groups: int = 8) -> None:
        super().__init__(features, hidden, generators)
        if not 1 <= groups <= hidden:
            raise ValueError(f"groups must lie between 1 and the hidden size {hidden}, but is {groups}.")
        draw = uniform(1 / math.sqrt(hidden))
        self.input_weight = per_member(generators, (features, hidden), draw)
        self.recurrent_weight = per_member(generators, (hidden, hidden), draw)
        self.bias = per_member(generators, (1, hidden), draw)
        group = torch.tensor([unit * groups // hidden for unit in range(hidden)], device=self.bias.device)
        self.register_buffer("periods", (2**group).to(self.bias.dtype), persistent=False)
        self.register_buffer("reads", (group[:, None] >= group[None, :]).to(self.bias.dtype), persistent=False)
        self.masked_parameters = int((self.reads == 0).sum())

    def initial_state(self, batch: int) -> ClockworkState:
        """Return zeros, and a clock at 0."""
        return ClockworkState(self.zeros(batch), self.zeros(batch, 1))

    def project(self, inputs: Tensor) -> Tensor:
        """Return W x + b: (members, rows, hidden)."""
        return linear(inputs, self.input_weight, self.bias)

    def step(self, projected: Tensor, state: ClockworkState, feedback: Tensor | None = None
             ) -> tuple[Tensor, ClockworkState]:
        """Return the hidden value, of which only the groups whose turn it is are new."""
        new = torch.tanh(recur(projected, state.hidden, self.recurrent_weight * self.reads))
        active = torch.remainder(state.clock, self.periods) == 0  # (members, batch, hidden)
        hidden = torch.where(active, new, state.hidden)
        return hidden, ClockworkState(hidden, state.clock + 1)
