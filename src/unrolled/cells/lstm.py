"""Long short-term memory (Hochreiter & Schmidhuber 1997) with the variants the lecture speaks of."""

from __future__ import annotations

import math
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
        coupled: bool = False,
        peepholes: bool = False,
        input_activation: str = "tanh",
        memory_activation: str = "tanh",
    ) -> None:
        super().__init__(features, hidden, generators)
        if coupled and not forget_gate:
            raise ValueError("coupled ties the forget gate to the input gate, so forget_gate must stay true.")
        self.coupled, self.has_forget_gate = coupled, forget_gate and not coupled
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
            gates = 3 if self.has_forget_gate else 2
            self.peephole_weight = per_member(generators, (gates, 1, hidden), constant(0))

    def initial_state(self, batch: int) -> LSTMState:
        """Return zeros for memory and hidden value."""
        return LSTMState(self.zeros(batch), self.zeros(batch))

    def project(self, inputs: Tensor) -> Tensor:
        """Return W x + b of all gates: (members, rows, gates * hidden)."""
        return linear(inputs, self.input_weight, self.bias)

    def gates(self, projected: Tensor, state: LSTMState) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """Return input, forget and output gate before their sigmoid, and the candidate before g."""
        chunks = recur(projected, state.hidden, self.recurrent_weight).split(self.hidden, -1)
        forget = chunks[1] if self.has_forget_gate else None
        return chunks[0], forget, chunks[-2], chunks[-1]

    def step(self, projected: Tensor, state: LSTMState, feedback: Tensor | None = None) -> tuple[Tensor, LSTMState]:
        """Return the hidden value as output, and memory and hidden value as state."""
        input_gate, forget_gate, output_gate, candidate = self.gates(projected, state)
        if self.peephole_weight is not None:
            peepholes = self.peephole_weight.unbind(1)
            input_gate = input_gate + peepholes[0] * state.memory
            forget_gate = None if forget_gate is None else forget_gate + peepholes[1] * state.memory
        opening = torch.sigmoid(input_gate)
        new = self.input_activation(candidate)
        if self.coupled:
            memory = torch.lerp(state.memory, new, opening)
        elif forget_gate is None:
            memory = torch.addcmul(state.memory, opening, new)
        else:
            memory = torch.addcmul(torch.sigmoid(forget_gate) * state.memory, opening, new)
        if self.peephole_weight is not None:
            output_gate = output_gate + peepholes[-1] * memory
        hidden = torch.sigmoid(output_gate) * self.memory_activation(memory)
        return hidden, LSTMState(memory, hidden)

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
