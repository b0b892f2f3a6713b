"""The gated recurrent unit (Cho et al. 2014): two gates, and no memory apart from the hidden value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import Cell, Generators, constant, linear, per_member, uniform
from unrolled.cells.sweep import Products, backward, before, steps, time_major


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

    def swept_weights(self) -> tuple[Tensor, ...]:
        """Return W, U, b and d; a network of one unit has its steps alone (see `linear`)."""
        weights = self.input_weight, self.recurrent_weight, self.bias, self.candidate_bias
        return weights if self.hidden > 1 else ()

    def sweep(self, inputs: Tensor, state: GRUState, weights: Sequence[Tensor], running: Tensor | None
              ) -> tuple[GRUState, tuple[Tensor, ...]]:
        """Return the hidden value after each step; kept are r, u, U_n h + d side by side, and n."""
        size, hidden = self.hidden, state.hidden
        gates, candidates, states = (time_major(inputs, width) for width in (3 * size, size, size))
        direct, sums = Products(weights[0]), hidden.new_empty(*hidden.shape[:2], 3 * size)
        sums_of_gates, sum_of_candidate = sums.split((2 * size, size), -1)
        parts = steps(inputs, running, gates, gates[..., : 2 * size], *gates.chunk(3, -1), candidates, states)
        for given, goes_on, gate, both, reset, update, inner, candidate, new in parts:
            direct.add(weights[2], given, sums)
            torch.bmm(hidden, weights[1], out=gate)
            both.add_(sums_of_gates).sigmoid_()
            inner.add_(weights[3])
            torch.addcmul(sum_of_candidate, reset, inner, out=candidate).tanh_()
            torch.lerp(candidate, hidden, update, out=new)
            if goes_on is not None:
                torch.where(goes_on, new, hidden, out=new)
            hidden = new
        return GRUState(states), (gates, candidates)

    def sweep_back(self, inputs: Tensor, running: Tensor | None, states: GRUState, first: GRUState, kept: tuple[Tensor, ...],
                   weights: Sequence[Tensor], upstream: Tensor, last: GRUState, of_inputs: Tensor | None
                   ) -> tuple[GRUState, tuple[Tensor, ...]]:
        """Go back step by step.

        The sums stand in the order U_n h + d, r, u, n meanwhile, in which those that U makes and those that W makes lie together.
        """
        (gates, candidates), size, carried = kept, self.hidden, last.hidden
        direct, recurrent = Products(weights[0]), Products(weights[1].roll(size, -1))
        gradient = carried.new_empty(*carried.shape[:2], 4 * size)
        of_recurrent, of_direct, of_biases = gradient[..., : 3 * size], gradient[..., size:], gradient.new_zeros(len(gradient), 1, 4 * size)
        of_sums, stands = gradient.chunk(4, -1), None if running is None else ~running
        parts = steps(inputs, of_inputs, stands, before(first.hidden, states.hidden), *gates.chunk(3, -1), candidates, upstream)
        for given, of_given, still, old, *gate, candidate, outside in reversed(list(parts)):
            arrived = outside + carried
            kept_share = self._step_back(arrived, old, gate, candidate, of_sums)
            if still is not None:
                gradient.masked_fill_(still, 0.0)
                kept_share = torch.where(still, arrived, kept_share)  # what stands still passes its gradient on
            carried = torch.empty_like(arrived)
            recurrent.back(old, of_recurrent, carried)
            carried += kept_share
            direct.back(given, of_direct, of_given)
            of_biases += gradient.sum(1, keepdim=True)
        return GRUState(carried), (direct.of_weight, recurrent.of_weight.roll(-size, -1), of_biases[..., size:], of_biases[..., :size])

    @staticmethod
    def _step_back(arrived: Tensor, old: Tensor, gate: Sequence[Tensor], candidate: Tensor, of_sums: Sequence[Tensor]) -> Tensor:
        """Write the gradient of one step's sums, of `arrived` at the new hidden value; return that of the old one, but for what U adds."""
        (reset, update, inner), (of_inner, of_reset, of_update, of_candidate) = gate, of_sums
        kept = arrived * update
        backward("tanh", arrived - kept, candidate, of_candidate)
        torch.mul(of_candidate, reset, out=of_inner)
        backward("sigmoid", of_candidate * inner, reset, of_reset)
        backward("sigmoid", (old - candidate).mul_(arrived), update, of_update)
        return kept
