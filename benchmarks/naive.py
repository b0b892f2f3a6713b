"""Every cell as one would first write it in PyTorch: one network, one loop over time, the equations as they stand.

Each function takes a network's own weights by name, without member axis, and inputs (batch, time, features), and returns outputs
(batch, time, size). Options that are fixed here (tanh, softmax, eight groups) are those that the cells have when nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]


def feed_forward(weights: Weights, inputs: Tensor) -> Tensor:
    """Answer each input on its own."""
    outputs = []
    for time in range(inputs.shape[1]):
        outputs.append(torch.tanh(inputs[:, time] @ weights["input_weight"] + weights["bias"]))
    return torch.stack(outputs, 1)


def elman(weights: Weights, inputs: Tensor) -> Tensor:
    """Elman's network."""
    hidden, outputs = zeros(weights, inputs), []
    for time in range(inputs.shape[1]):
        hidden = torch.tanh(inputs[:, time] @ weights["input_weight"] + hidden @ weights["recurrent_weight"] + weights["bias"])
        outputs.append(hidden)
    return torch.stack(outputs, 1)


def jordan(weights: Weights, inputs: Tensor) -> Tensor:
    """Jordan's network, fed its own answers."""
    fed, outputs = inputs.new_zeros(len(inputs), len(weights["recurrent_weight"])), []
    for time in range(inputs.shape[1]):
        hidden = torch.tanh(inputs[:, time] @ weights["input_weight"] + fed @ weights["recurrent_weight"] + weights["bias"])
        output = hidden @ weights["output_weight"] + weights["output_bias"]
        fed = torch.softmax(output, -1)
        outputs.append(output)
    return torch.stack(outputs, 1)


def lstm(weights: Weights, inputs: Tensor) -> Tensor:
    """LSTM with a forget gate."""
    memory, hidden, outputs = zeros(weights, inputs), zeros(weights, inputs), []
    for time in range(inputs.shape[1]):
        gates = inputs[:, time] @ weights["input_weight"] + hidden @ weights["recurrent_weight"] + weights["bias"]
        input_gate, forget_gate, output_gate, candidate = gates.chunk(4, -1)
        memory = torch.sigmoid(forget_gate) * memory + torch.sigmoid(input_gate) * torch.tanh(candidate)
        hidden = torch.sigmoid(output_gate) * torch.tanh(memory)
        outputs.append(hidden)
    return torch.stack(outputs, 1)


def peephole_lstm(weights: Weights, inputs: Tensor) -> Tensor:
    """LSTM whose gates see the memory."""
    memory, hidden, outputs = zeros(weights, inputs), zeros(weights, inputs), []
    to_input, to_forget, to_output = weights["peephole_weight"]
    for time in range(inputs.shape[1]):
        gates = inputs[:, time] @ weights["input_weight"] + hidden @ weights["recurrent_weight"] + weights["bias"]
        input_gate, forget_gate, output_gate, candidate = gates.chunk(4, -1)
        opening, keeping = torch.sigmoid(input_gate + to_input * memory), torch.sigmoid(forget_gate + to_forget * memory)
        memory = keeping * memory + opening * torch.tanh(candidate)
        hidden = torch.sigmoid(output_gate + to_output * memory) * torch.tanh(memory)
        outputs.append(hidden)
    return torch.stack(outputs, 1)


def gru(weights: Weights, inputs: Tensor) -> Tensor:
    """GRU whose reset gate acts after the product."""
    hidden, outputs = zeros(weights, inputs), []
    for time in range(inputs.shape[1]):
        from_input = (inputs[:, time] @ weights["input_weight"] + weights["bias"]).chunk(3, -1)
        from_hidden = (hidden @ weights["recurrent_weight"]).chunk(3, -1)
        reset, update = torch.sigmoid(from_input[0] + from_hidden[0]), torch.sigmoid(from_input[1] + from_hidden[1])
        new = torch.tanh(from_input[2] + reset * (from_hidden[2] + weights["candidate_bias"]))
        hidden = (1 - update) * new + update * hidden
        outputs.append(hidden)
    return torch.stack(outputs, 1)


def clockwork(weights: Weights, inputs: Tensor, groups: int = 8) -> Tensor:
    """Clockwork RNN."""
    size = weights["recurrent_weight"].shape[-1]
    group = torch.arange(size, device=inputs.device) * groups // size
    reads = (group.unsqueeze(1) >= group.unsqueeze(0)).to(inputs.dtype)
    hidden, outputs = zeros(weights, inputs), []
    for time in range(inputs.shape[1]):
        recurrent = hidden @ (weights["recurrent_weight"] * reads)
        new = torch.tanh(inputs[:, time] @ weights["input_weight"] + recurrent + weights["bias"])
        hidden = torch.where(time % 2**group == 0, new, hidden)
        outputs.append(hidden)
    return torch.stack(outputs, 1)


def scrn(weights: Weights, inputs: Tensor, decay: float = 0.95) -> Tensor:
    """Structurally constrained network."""
    hidden, outputs = zeros(weights, inputs), []
    context = inputs.new_zeros(len(inputs), len(weights["context_weight"]))
    for time in range(inputs.shape[1]):
        context = (1 - decay) * (inputs[:, time] @ weights["context_input_weight"]) + decay * context
        hidden = torch.sigmoid(context @ weights["context_weight"] + inputs[:, time] @ weights["input_weight"]
                               + hidden @ weights["recurrent_weight"] + weights["bias"])
        outputs.append(torch.cat([hidden, context], -1))
    return torch.stack(outputs, 1)


def zeros(weights: Weights, inputs: Tensor) -> Tensor:
    """Return the first hidden value (batch, hidden)."""
    return inputs.new_zeros(len(inputs), len(weights["recurrent_weight"]))


NAIVE: dict[str, Callable[[Weights, Tensor], Tensor]] = {
    "feed_forward": feed_forward, "elman": elman, "jordan": jordan, "lstm": lstm, "lstm, peepholes": peephole_lstm, "gru": gru,
    "clockwork": clockwork, "scrn": scrn,
}
