"""Long short-term memory (Hochreiter & Schmidhuber 1997) with the variants the lecture speaks of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import ACTIVATIONS, Cell, Generators, constant, in_chunks, linear, per_member, recur, uniform


class LSTMState(NamedTuple):
    """Memory c and hidden value h, each (members, batch, hidden)."""

    memory: Tensor
    hidden: Tensor


class LSTM(Cell):
    r"""Long short-term memory.

    .. math::
        i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i),\quad f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f),\quad
        o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o) \\
        c_t = f_t c_{t-1} + i_t\, g(W_z x_t + U_z h_{t-1} + b_z),\qquad h_t = o_t\, h(c_t)

    The gates lie in the order input, forget, output, candidate along the width; a variant without a forget gate of its own leaves
    that part out.

    Args:
        forget_bias: initial value of b_f (Gers, Schmidhuber & Cummins 2000; Jozefowicz et al. 2015 advise 1).
        forget_gate: False gives the first form of 1997, f = 1: pure addition.
        kept: without a forget gate, the fixed share of the old memory that stays: 1 adds, 0 overwrites, between them it leaks.
        coupled: f = 1 - i (Greff et al. 2017, "CIFG"); forget_bias then sets b_i = -forget_bias.
        peepholes: gates also see the memory, i and f the old one, o the new one (Gers & Schmidhuber 2000).
        input_activation: g. memory_activation: h.

    Notes:
        1. One bias instead of torch.nn.LSTM's two, zero but for the forget gate's.
        2. Peephole weights start at zero, so that a peephole cell starts as a plain one.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        generators: Generators,
        *,
        forget_bias: float = 1.0,
        forget_gate: bool = True,
        kept: float = 1.0,
        coupled: bool = False,
        peepholes: bool = False,
        input_activation: str = "tanh",
        memory_activation: str = "tanh",
    ) -> None:
        super().__init__(features, hidden, generators)
        if coupled and not forget_gate:
            raise ValueError("coupled ties the forget gate to the input gate, so forget_gate must stay true.")
        if not 0 <= kept <= 1 or (kept != 1 and forget_gate):
            raise ValueError(f"kept must lie between 0 and 1, and other than 1 only with forget_gate: false, but is {kept}.")
        self.coupled, self.has_forget_gate, self.kept = coupled, forget_gate and not coupled, kept
        self.gates = 3 if self.has_forget_gate else 2
        self.plain = not peepholes and self.has_forget_gate and input_activation == memory_activation == "tanh"
        self.input_activation = ACTIVATIONS[input_activation]
        self.memory_activation = ACTIVATIONS[memory_activation]
        gate_biases = [-forget_bias if coupled else 0.0, *([forget_bias] if self.has_forget_gate else []), 0.0, 0.0]
        width = len(gate_biases) * hidden
        draw = uniform(1 / math.sqrt(hidden))
        self.input_weight = per_member(generators, (features, width), draw)
        self.recurrent_weight = per_member(generators, (hidden, width), draw)
        self.bias = per_member(generators, (1, width), in_chunks([constant(bias) for bias in gate_biases]))
        self.peephole_weight = None
        if peepholes:
            self.peephole_weight = per_member(generators, (self.gates, 1, hidden), constant(0))

    def initial_state(self, batch: int) -> LSTMState:
        """Return zeros for memory and hidden value."""
        return LSTMState(self.zeros(batch), self.zeros(batch))

    def project(self, inputs: Tensor) -> Tensor:
        """Return W x + b of all gates: (members, rows, gates * hidden)."""
        return linear(inputs, self.input_weight, self.bias)

    def step(self, projected: Tensor, state: LSTMState, feedback: Tensor | None = None) -> tuple[Tensor, LSTMState]:
        """Return the hidden value as output, and memory and hidden value as state."""
        sums, candidate = recur(projected, state.hidden, self.recurrent_weight).split((self.gates * self.hidden, self.hidden), -1)
        new = self.input_activation(candidate)
        if self.peephole_weight is None:
            openings = torch.sigmoid(sums).chunk(self.gates, -1)  # one call for all gates
            memory = self._remember(state.memory, openings, new)
            opening = openings[-1]
        else:
            peepholes, sums = self.peephole_weight.unbind(1), sums.chunk(self.gates, -1)
            openings = [torch.sigmoid(torch.addcmul(total, weight, state.memory)) for total, weight in zip(sums[:-1], peepholes)]
            memory = self._remember(state.memory, openings, new)
            opening = torch.sigmoid(torch.addcmul(sums[-1], peepholes[-1], memory))
        hidden = opening * self.memory_activation(memory)
        return hidden, LSTMState(memory, hidden)

    def _remember(self, memory: Tensor, openings: Sequence[Tensor], new: Tensor) -> Tensor:
        """Return the new memory from the old, the openings of input (and forget) gate, and what is to be written."""
        if self.coupled:
            return torch.lerp(memory, new, openings[0])
        kept = openings[1] * memory if self.has_forget_gate else memory if self.kept == 1 else self.kept * memory
        return torch.addcmul(kept, openings[0], new)

    def fused(self, inputs: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState] | None:
        """Run the plain cell by the library's kernel, one member after the other; None for the variants."""
        if not self.plain:
            return None
        order = [0, 1, 3, 2]  # the library's order is input, forget, candidate, output
        weights = [_reorder(weight, order).transpose(1, 2).contiguous().unbind() for weight in (self.input_weight, self.recurrent_weight)]
        biases = _reorder(self.bias, order).squeeze(1).unbind()
        zero = torch.zeros_like(biases[0])
        outputs, memories, hiddens = [], [], []
        for member, parameters in enumerate(zip(*weights, biases, strict=True)):
            start = (state.hidden[member : member + 1], state.memory[member : member + 1])
            output, hidden, memory = torch.lstm(
                inputs[member], start, [*parameters, zero], True, 1, 0.0, self.training, False, True)
            outputs.append(output)
            hiddens.append(hidden[0])
            memories.append(memory[0])
        return torch.stack(outputs), LSTMState(torch.stack(memories), torch.stack(hiddens))


def _reorder(weight: Tensor, order: list[int]) -> Tensor:
    """Return the four gates of the last axis in another order."""
    chunks = weight.chunk(4, -1)
    return torch.cat([chunks[index] for index in order], -1)
