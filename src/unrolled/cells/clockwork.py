"""The Clockwork RNN (Koutnik et al. 2014): groups of units that are updated at different rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import Cell, Generators, linear, per_member, project_sweep, project_sweep_back, recur, uniform
from unrolled.cells.sweep import backward, before, steps, time_major


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

    def swept_weights(self) -> tuple[Tensor, ...]:
        """Return W, U without what no unit reads, and b; a network of one unit has its steps alone (see `linear`)."""
        return (self.input_weight, self.recurrent_weight * self.reads, self.bias) if self.hidden > 1 else ()

    def sweep(self, inputs: Tensor, state: ClockworkState, weights: Sequence[Tensor], running: Tensor | None
              ) -> tuple[ClockworkState, tuple[Tensor, ...]]:
        """Return the hidden value after each step, and the clock; kept are the activations of all groups, and which of them were active."""
        hidden, active = state.hidden, self._active(inputs.shape[1], state, running)
        activations, states = time_major(inputs, self.hidden), time_major(inputs, self.hidden)
        for direct, turn, activation, new in steps(project_sweep(inputs, weights[0], weights[2]), active, activations, states):
            torch.baddbmm(direct, hidden, weights[1], out=activation).tanh_()
            hidden = torch.where(turn, activation, hidden, out=new)
        done = torch.ones_like(inputs[..., :1]) if running is None else running.to(inputs.dtype)
        return ClockworkState(states, state.clock.unsqueeze(1) + done.cumsum(1)), (activations, active)

    def sweep_back(self, inputs: Tensor, running: Tensor | None, states: ClockworkState, first: ClockworkState, kept: tuple[Tensor, ...],
                   weights: Sequence[Tensor], upstream: Tensor, last: ClockworkState, of_inputs: Tensor | None
                   ) -> tuple[ClockworkState, tuple[Tensor, ...]]:
        """Go back step by step; the clock only counts on."""
        (activations, active), arrived = kept, upstream[:, -1] + last.hidden
        of_sums, of_recurrent = time_major(inputs, self.hidden), torch.zeros_like(weights[1])
        turned = weights[1].transpose(1, 2).contiguous()
        parts = steps(active, activations, before(first.hidden, states.hidden), before(None, upstream), of_sums)
        for turn, activation, old, outside, gradient in reversed(list(parts)):
            taken = torch.where(turn, arrived, 0.0)
            backward("tanh", taken, activation, gradient)
            of_recurrent.baddbmm_(old.transpose(1, 2), gradient)
            passed = arrived - taken  # what stood still passes its gradient on
            arrived = torch.baddbmm(passed if outside is None else outside + passed, gradient, turned)
        of_input_weight, of_bias = project_sweep_back(inputs, weights[0], of_sums, of_inputs)
        return ClockworkState(arrived, last.clock), (of_input_weight, of_recurrent, of_bias)

    def _active(self, time: int, state: ClockworkState, running: Tensor | None) -> Tensor:
        """Return which units are active at each step: (members or 1, time, batch or 1, hidden)."""
        begun = state.clock[:1, :1] if bool((state.clock == state.clock[0, 0]).all()) else state.clock  # as a rule all began together
        clock = begun.unsqueeze(1) + torch.arange(time, device=begun.device, dtype=begun.dtype).view(1, -1, 1, 1)
        active = torch.remainder(clock, self.periods) == 0
        return active if running is None else active & running
