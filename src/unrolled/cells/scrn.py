"""The structurally constrained recurrent network (Mikolov et al. 2015): a slow context beside a fast hidden layer."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import Cell, Generators, linear, per_member, recur, uniform


class SCRNState(NamedTuple):
    """Hidden layer (members, batch, hidden) and slow context (members, batch, context)."""

    hidden: Tensor
    context: Tensor


class SCRN(Cell):
    r"""Structurally constrained recurrent network.

    .. math::
        s_t = (1 - \alpha) B x_t + \alpha s_{t-1},\qquad h_t = \sigma(P s_t + A x_t + R h_{t-1})

    The output is [h, s], since the read-out sees both (:math:`y_t = f(U h_t + V s_t)` in the paper).

    Args:
        context: size of the slow context.
        decay: alpha, fixed at 0.95 in the paper.

    Notes:
        A bias is added to h, which the paper leaves out; it can be learned to be zero.
    """

    def __init__(
        self, features: int, hidden: int, generators: Generators, *, context: int = 32, decay: float = 0.95
    ) -> None:
        super().__init__(features, hidden, generators)
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie in [0, 1), but is {decay}.")
        self.context, self.decay, self.output_size = context, decay, hidden + context
        draw = uniform(1 / math.sqrt(hidden))
        self.input_weight = per_member(generators, (features, hidden), draw)
        self.bias = per_member(generators, (1, hidden), draw)
        self.recurrent_weight = per_member(generators, (hidden, hidden), draw)
        self.context_input_weight = per_member(generators, (features, context), draw)
        self.context_weight = per_member(generators, (context, hidden), draw)

    def initial_state(self, batch: int) -> SCRNState:
        """Return zeros for hidden layer and context."""
        return SCRNState(self.zeros(batch), self.zeros(batch, self.context))

    def project(self, inputs: Tensor) -> Tensor:
        """Return A x + b and (1 - alpha) B x side by side: (members, rows, hidden + context)."""
        context = (1 - self.decay) * linear(inputs, self.context_input_weight)
        return torch.cat([linear(inputs, self.input_weight, self.bias), context], -1)

    def step(self, projected: Tensor, state: SCRNState, feedback: Tensor | None = None) -> tuple[Tensor, SCRNState]:
        """Return [hidden, context] as output, and both as state."""
        direct, context_input = projected.split((self.hidden, self.context), -1)
        context = torch.add(context_input, state.context, alpha=self.decay)
        from_context = recur(direct, context, self.context_weight)
        hidden = torch.sigmoid(recur(from_context, state.hidden, self.recurrent_weight))
        return torch.cat([hidden, context], -1), SCRNState(hidden, context)
