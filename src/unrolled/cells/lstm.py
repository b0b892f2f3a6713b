"""Long short-term memory (Hochreiter & Schmidhuber 1997) with the variants the lecture speaks of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.base import (
    ACTIVATIONS,
    Cell,
    Generators,
    constant,
    in_chunks,
    linear,
    per_member,
    recur,
    uniform,
)
from unrolled.cells.sweep import INTO, Products, backward, before, steps, time_major

FORGET_BIAS = 1.0  # unless it is given


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
        forget_bias: float = FORGET_BIAS,
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
        if forget_bias != FORGET_BIAS and not forget_gate:
            raise ValueError(f"forget_bias is {forget_bias:g}, but without a forget gate it would do nothing.")
        if not 0 <= kept <= 1 or (kept != 1 and forget_gate):
            raise ValueError(f"kept must lie between 0 and 1, and other than 1 only with forget_gate: false, but is {kept}.")
        self.coupled, self.has_forget_gate, self.kept = coupled, forget_gate and not coupled, kept
        self.gates = 3 if self.has_forget_gate else 2
        self.plain = not peepholes and self.has_forget_gate and input_activation == memory_activation == "tanh"
        self.input_activation = ACTIVATIONS[input_activation]
        self.memory_activation = ACTIVATIONS[memory_activation]
        self.input_activation_name, self.memory_activation_name = input_activation, memory_activation
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

    def swept_weights(self) -> tuple[Tensor, ...]:
        """Return W, U, b and, where there are any, the peepholes; a network of one unit has its steps alone (see `linear`)."""
        weights = (self.input_weight, self.recurrent_weight, self.bias, self.peephole_weight)
        return tuple(weight for weight in weights if weight is not None) if self.hidden > 1 else ()

    def sweep(self, inputs: Tensor, state: LSTMState, weights: Sequence[Tensor], running: Tensor | None
              ) -> tuple[LSTMState, tuple[Tensor, ...]]:
        """Return memory and hidden value after each step; kept are the gates' openings and the candidate side by side, and h(c)."""
        size, (memory, hidden), direct = self.hidden, state, Products(weights[0])
        gates, memories, hiddens, shown = (time_major(inputs, width) for width in (weights[2].shape[-1], size, size, size))
        squash, opened = INTO[self.memory_activation_name], gates[..., : self.gates * size]
        for given, goes_on, sums, together, new_memory, squashed, new_hidden, *gate in steps(
                inputs, running, gates, opened, memories, shown, hiddens, *gates.chunk(self.gates + 1, -1)):
            direct.add(weights[2], given, sums).baddbmm_(hidden, weights[1])
            self._open(together, gate, memory, new_memory)
            torch.mul(gate[-2], squash(new_memory, out=squashed), out=new_hidden)
            if goes_on is not None:
                for new, old in ((new_memory, memory), (new_hidden, hidden)):
                    torch.where(goes_on, new, old, out=new)
            memory, hidden = new_memory, new_hidden
        return LSTMState(memories, hiddens), (gates, shown)

    def _open(self, together: Tensor, parts: Sequence[Tensor], memory: Tensor, new_memory: Tensor) -> None:
        """Turn the sums of one step into openings and candidate, in place, and write the new memory from the old."""
        *gates, candidate = parts
        INTO[self.input_activation_name](candidate, out=candidate)
        if self.peephole_weight is None:
            together.sigmoid_()  # one call for all gates
        else:
            for gate, weight in zip(gates[:-1], self.peephole_weight.unbind(1), strict=False):
                gate.addcmul_(weight, memory).sigmoid_()
        if self.coupled:
            torch.lerp(memory, candidate, gates[0], out=new_memory)
        else:
            kept = torch.mul(memory, gates[1] if self.has_forget_gate else self.kept, out=new_memory)
            kept.addcmul_(gates[0], candidate)
        if self.peephole_weight is not None:
            gates[-1].addcmul_(self.peephole_weight[:, -1], new_memory).sigmoid_()

    def sweep_back(self, inputs: Tensor, running: Tensor | None, states: LSTMState, first: LSTMState, kept: tuple[Tensor, ...],
                   weights: Sequence[Tensor], upstream: Tensor, last: LSTMState, of_inputs: Tensor | None
                   ) -> tuple[LSTMState, tuple[Tensor, ...]]:
        """Go back step by step."""
        (gates, shown), carried, gradient = kept, last, torch.empty_like(kept[0][:, 0])
        of_sums, stands = gradient.chunk(self.gates + 1, -1), None if running is None else ~running
        direct, recurrent, of_bias = Products(weights[0]), Products(weights[1]), torch.zeros_like(weights[2])
        of_peepholes = [torch.zeros_like(weight) for weight in weights[3:]]
        old = (before(*pair) for pair in zip(first, states, strict=True))
        parts = steps(inputs, of_inputs, running, stands, *old, states.memory, shown, upstream, *gates.chunk(self.gates + 1, -1))
        for given, of_given, goes_on, still, old_memory, old_hidden, memory, squashed, outside, *gate in reversed(list(parts)):
            arrived = carried._replace(hidden=outside + carried.hidden)
            of_hidden = torch.empty_like(carried.hidden)
            of_memory = self._step_back(arrived, old_memory, gate, squashed, of_sums)
            if still is not None:
                gradient.masked_fill_(still, 0.0)
                of_memory = torch.where(still, arrived.memory, of_memory)
            recurrent.back(old_hidden, gradient, of_hidden)
            if still is not None:
                of_hidden += arrived.hidden.masked_fill(goes_on, 0.0)  # what stands still passes its gradient on
            direct.back(given, gradient, of_given)
            of_bias += gradient.sum(1, keepdim=True)
            for total in of_peepholes:
                total += self._looked_at(of_sums, old_memory, memory)
            carried = LSTMState(of_memory, of_hidden)
        return carried, (direct.of_weight, recurrent.of_weight, of_bias, *of_peepholes)

    def _looked_at(self, of_sums: Sequence[Tensor], old: Tensor, new: Tensor) -> Tensor:
        """Return one step's share of the peepholes' gradient: (members, gates, 1, hidden)."""
        memories = [old] * (self.gates - 1) + [new]
        return torch.stack([(part * memory).sum(1, keepdim=True) for part, memory in zip(of_sums, memories, strict=False)], 1)

    def _step_back(self, arrived: LSTMState, old: Tensor, parts: Sequence[Tensor], shown: Tensor, of_sums: Sequence[Tensor]) -> Tensor:
        """Write the gradient of one step's sums, of `arrived` at the new state; return that of the old memory."""
        (*gates, candidate), (*of_gates, of_candidate) = parts, of_sums
        of_memory = arrived.memory + backward(self.memory_activation_name, arrived.hidden * gates[-1], shown)
        backward("sigmoid", arrived.hidden * shown, gates[-1], of_gates[-1])
        if self.peephole_weight is not None:
            of_memory.addcmul_(of_gates[-1], self.peephole_weight[:, -1])
        backward("sigmoid", of_memory * (candidate - old if self.coupled else candidate), gates[0], of_gates[0])
        backward(self.input_activation_name, of_memory * gates[0], candidate, of_candidate)
        if self.has_forget_gate:
            backward("sigmoid", of_memory * old, gates[1], of_gates[1])
        of_old = torch.addcmul(of_memory, of_memory, gates[0], value=-1) if self.coupled else (
            of_memory * (gates[1] if self.has_forget_gate else self.kept))
        if self.peephole_weight is not None:
            for of_gate, weight in zip(of_gates[:-1], self.peephole_weight.unbind(1), strict=False):
                of_old.addcmul_(of_gate, weight)
        return of_old

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
