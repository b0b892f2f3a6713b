"""Every cell against implementations that share no code with it: torch.nn's, scalar loops in plain Python, and worked examples."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from cell_checks import assert_close, draw, seeded
from torch import Tensor, nn

from unrolled.cells import CELLS
from unrolled.cells.base import Cell, unroll

pytestmark = pytest.mark.unit
SEEDS, FEATURES, HIDDEN = (0, 1, 2), 3, 5
LSTM_ORDER = [0, 1, 3, 2]  # torch.nn has the candidate before the output gate

# ---- torch.nn with the same weights ----


def theirs(name: str, cell: Cell, member: int) -> nn.Module:
    """Return torch.nn's cell with a member's weights; the biases go into its first bias."""
    kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "tanh": nn.RNN, "relu": nn.RNN}
    options = {"nonlinearity": name} if kinds[name] is nn.RNN else {}
    module = kinds[name](cell.features, cell.hidden, batch_first=True, **options)
    with torch.no_grad():
        module.weight_ih_l0.copy_(ordered(name, cell.input_weight[member]).t())
        module.weight_hh_l0.copy_(ordered(name, cell.recurrent_weight[member]).t())
        module.bias_ih_l0.copy_(ordered(name, cell.bias[member, 0]))
        module.bias_hh_l0.zero_()
        if name == "gru":
            module.bias_hh_l0[2 * cell.hidden :] = cell.candidate_bias[member, 0]
    return module


def ordered(name: str, values: Tensor) -> Tensor:
    """Bring the gates of the last axis into torch.nn's order."""
    if name != "lstm":
        return values
    chunks = values.chunk(4, -1)
    return torch.cat([chunks[index] for index in LSTM_ORDER], -1)


def gradient_pairs(name: str, cell: Cell, member: int, module: nn.Module) -> list[tuple[Tensor, Tensor]]:
    pairs = [(ordered(name, cell.input_weight.grad[member]).t(), module.weight_ih_l0.grad),
             (ordered(name, cell.recurrent_weight.grad[member]).t(), module.weight_hh_l0.grad),
             (ordered(name, cell.bias.grad[member, 0]), module.bias_ih_l0.grad)]
    if name == "gru":
        pairs.append((cell.candidate_bias.grad[member, 0], module.bias_hh_l0.grad[2 * cell.hidden :]))
    return pairs


@pytest.mark.parametrize("path", ["loop", "fused"])
@pytest.mark.parametrize("name", ["lstm", "gru", "tanh", "relu"])
def test_equals_torch_nn(name, path):
    kind, options = (name, {}) if name in CELLS else ("elman", {"activation": name})
    cell = CELLS[kind](FEATURES, HIDDEN, seeded(SEEDS), **options)
    with torch.no_grad():
        for index, parameter in enumerate(cell.parameters()):
            parameter.add_(0.1 * draw([index], *parameter.shape, dtype=torch.float32)[0])
    inputs = draw(SEEDS, 7, 30, FEATURES, dtype=torch.float32).requires_grad_()
    start = type(cell.initial_state(7))(*(draw(SEEDS, 7, HIDDEN, dtype=torch.float32) for _ in cell.initial_state(7)))
    ours = unroll(cell, inputs, start, path=path)
    upstream = draw(SEEDS, *ours.outputs.shape[1:], dtype=torch.float32)
    (ours.outputs * upstream).sum().backward()
    for member in range(len(SEEDS)):
        module, own = theirs(name, cell, member), inputs[member].detach().clone().requires_grad_()
        first = start.hidden[member : member + 1]
        outputs, last = module(own, (first, start.memory[member : member + 1]) if name == "lstm" else first)
        assert_close(ours.outputs[member], outputs, 1e-6)
        for part, expected in zip(reversed(ours.state), last if name == "lstm" else [last]):
            assert_close(part[member], expected[0], 1e-6)
        (outputs * upstream[member]).sum().backward()
        for gradient, expected in [(inputs.grad[member], own.grad), *gradient_pairs(name, cell, member, module)]:
            assert_close(gradient, expected, 1e-5)


# ---- scalar loops ----

Vector = list[float]
FUNCTIONS = {
    "tanh": lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "relu": lambda x: x if x > 0 else 0.0,
    "linear": lambda x: x,
}
sigmoid = FUNCTIONS["sigmoid"]


def dot(vector: Vector, weight: list[Vector], column: int) -> float:
    return sum(value * row[column] for value, row in zip(vector, weight, strict=True))


def scalar_feed_forward(w, inputs, activation="tanh"):
    return [[FUNCTIONS[activation](dot(x, w["input_weight"], j) + w["bias"][0][j]) for j in range(HIDDEN)] for x in inputs]


def scalar_elman(w, inputs, activation="tanh"):
    hidden, outputs = [0.0] * HIDDEN, []
    for x in inputs:
        hidden = [FUNCTIONS[activation](dot(x, w["input_weight"], j) + dot(hidden, w["recurrent_weight"], j) + w["bias"][0][j])
                  for j in range(HIDDEN)]
        outputs.append(hidden)
    return outputs


def scalar_jordan(w, inputs, outputs, activation="tanh", output_activation="softmax"):
    fed, answers = [0.0] * outputs, []
    for x in inputs:
        hidden = [FUNCTIONS[activation](dot(x, w["input_weight"], j) + dot(fed, w["recurrent_weight"], j) + w["bias"][0][j])
                  for j in range(HIDDEN)]
        answer = [dot(hidden, w["output_weight"], k) + w["output_bias"][0][k] for k in range(outputs)]
        total = sum(math.exp(value) for value in answer)
        fed = [math.exp(value) / total for value in answer] if output_activation == "softmax" else answer
        answers.append(answer)
    return answers


def scalar_lstm(w, inputs, forget_gate=True, coupled=False, peepholes=False, input_activation="tanh", memory_activation="tanh"):
    """Gers & Schmidhuber 2000: input and forget gate see the old memory, the output gate the new one."""
    gates = ["input", "forget", "output", "candidate"] if forget_gate and not coupled else ["input", "output", "candidate"]
    memory, hidden, outputs = [0.0] * HIDDEN, [0.0] * HIDDEN, []
    for x in inputs:
        old_memory, old_hidden, memory, hidden = memory, hidden, [], []
        for j in range(HIDDEN):

            def before(gate, seen=0.0, old_hidden=old_hidden, x=x, j=j):
                column = gates.index(gate) * HIDDEN + j
                total = dot(x, w["input_weight"], column) + dot(old_hidden, w["recurrent_weight"], column) + w["bias"][0][column]
                return total + (w["peephole_weight"][gates.index(gate)][0][j] * seen if peepholes and gate != "candidate" else 0)

            opening = sigmoid(before("input", old_memory[j]))
            keeping = 1 - opening if coupled else sigmoid(before("forget", old_memory[j])) if forget_gate else 1.0
            memory.append(keeping * old_memory[j] + opening * FUNCTIONS[input_activation](before("candidate")))
            hidden.append(sigmoid(before("output", memory[j])) * FUNCTIONS[memory_activation](memory[j]))
        outputs.append(hidden)
    return outputs


def scalar_gru(w, inputs):
    hidden, outputs = [0.0] * HIDDEN, []
    for x in inputs:
        from_input = [dot(x, w["input_weight"], j) + w["bias"][0][j] for j in range(3 * HIDDEN)]
        from_hidden = [dot(hidden, w["recurrent_weight"], j) for j in range(3 * HIDDEN)]
        new = []
        for j, old in enumerate(hidden):
            reset, update = sigmoid(from_input[j] + from_hidden[j]), sigmoid(from_input[j + HIDDEN] + from_hidden[j + HIDDEN])
            inner = from_hidden[j + 2 * HIDDEN] + w["candidate_bias"][0][j]
            new.append((1 - update) * FUNCTIONS["tanh"](from_input[j + 2 * HIDDEN] + reset * inner) + update * old)
        hidden = new
        outputs.append(hidden)
    return outputs


GROUPS = {1: [0, 0, 0, 0, 0], 2: [0, 0, 0, 1, 1], 3: [0, 0, 1, 1, 2], 5: [0, 1, 2, 3, 4]}  # of each of the five units


def scalar_clockwork(w, inputs, groups):
    """Koutnik et al. 2014: unit j is new where its period 2**group divides the step, and reads its own and slower groups."""
    hidden, outputs, group = [0.0] * HIDDEN, [], GROUPS[groups]
    for time, x in enumerate(inputs):
        new = []
        for j in range(HIDDEN):
            read = sum(hidden[i] * w["recurrent_weight"][i][j] for i in range(HIDDEN) if group[i] >= group[j])
            value = FUNCTIONS["tanh"](dot(x, w["input_weight"], j) + read + w["bias"][0][j])
            new.append(value if time % 2 ** group[j] == 0 else hidden[j])
        hidden = new
        outputs.append(hidden)
    return outputs


def scalar_scrn(w, inputs, context, decay=0.95):
    hidden, slow, outputs = [0.0] * HIDDEN, [0.0] * context, []
    for x in inputs:
        slow = [(1 - decay) * dot(x, w["context_input_weight"], k) + decay * old for k, old in enumerate(slow)]
        hidden = [sigmoid(dot(slow, w["context_weight"], j) + dot(x, w["input_weight"], j) + dot(hidden, w["recurrent_weight"], j)
                          + w["bias"][0][j]) for j in range(HIDDEN)]
        outputs.append(hidden + slow)
    return outputs


SCALAR = {"feed_forward": scalar_feed_forward, "elman": scalar_elman, "jordan": scalar_jordan, "lstm": scalar_lstm,
          "gru": scalar_gru, "clockwork": scalar_clockwork, "scrn": scalar_scrn}
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {"activation": activation}) for name in ("feed_forward", "elman") for activation in FUNCTIONS),
    ("jordan", {"outputs": 4}), ("jordan", {"outputs": 2, "output_activation": "linear"}),
    ("jordan", {"outputs": 1, "activation": "relu"}),
    *(("lstm", {"peepholes": peepholes, **options}) for peepholes in (False, True)
      for options in ({}, {"forget_gate": False}, {"coupled": True})),
    *(("lstm", {"input_activation": g, "memory_activation": h}) for g in FUNCTIONS for h in ("tanh", "linear")),
    ("gru", {}), *(("clockwork", {"groups": groups}) for groups in GROUPS),
    ("scrn", {"context": 3}), ("scrn", {"context": 1, "decay": 0.5}),
]


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_equals_a_scalar_loop(name, options):
    cell = CELLS[name](FEATURES, HIDDEN, seeded(SEEDS), **options).double()
    with torch.no_grad():
        for index, parameter in enumerate(cell.parameters()):
            parameter.copy_(0.5 * draw([index], *parameter.shape)[0])
    inputs = draw(SEEDS, 2, 9, FEATURES)
    outputs = unroll(cell, inputs).outputs
    for member in range(len(SEEDS)):
        weights = {key: parameter[member].tolist() for key, parameter in cell.named_parameters()}
        for row in range(2):
            expected = SCALAR[name](weights, inputs[member, row].tolist(), **options)
            assert_close(outputs[member, row], torch.tensor(expected, dtype=torch.float64), 1e-10)


def test_every_cell_has_a_scalar_loop():
    assert set(SCALAR) == set(CELLS) == {name for name, _ in CASES}


# ---- worked examples ----


def test_all_ones_network():
    """Two linear units and two outputs, every weight 1, no bias: (1,1), (1,1), (2,2) -> (4,4), (12,12), (32,32)."""
    cell = CELLS["elman"](2, 2, seeded([0, 1]), activation="linear")
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.fill_(float(parameter is not cell.bias))
    hidden = unroll(cell, torch.tensor([[1.0, 1], [1, 1], [2, 2]]).expand(2, 1, 3, 2)).outputs
    outputs = hidden @ torch.ones(2, 2)
    assert (outputs == torch.tensor([[4.0, 4], [12, 12], [32, 32]])).all()


def test_lstm_worked_by_hand():
    """z = x1, input gate 100 x2 - 10, forget gate 100 x2 + 10, output gate 100 x3 - 10, g and h linear."""
    cell = CELLS["lstm"](3, 1, seeded([0]), input_activation="linear", memory_activation="linear").double()
    with torch.no_grad():
        cell.recurrent_weight.zero_()
        cell.input_weight.copy_(torch.tensor([[0.0, 0, 0, 1], [100, 100, 0, 0], [0, 0, 100, 0]]))
        cell.bias.copy_(torch.tensor([-10.0, 10, -10, 0]))
    inputs = torch.tensor([[3.0, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]], dtype=torch.float64)
    result = unroll(cell, inputs.expand(1, 1, 5, 3), keep_states=True)
    memory = torch.stack([state.memory.flatten() for state in result.states]).flatten()
    nearly_shut = 7 * sigmoid(-10)  # what one gate lets through or loses in one step
    assert_within(memory, [3, 7, 7, 7, 0], 3 * nearly_shut)
    assert_within(result.outputs.flatten(), [0, 0, 0, 7, 0], 3 * nearly_shut)


def assert_within(values: Tensor, expected: list[float], tolerance: float) -> None:
    assert (values - torch.tensor(expected, dtype=values.dtype)).abs().max() <= tolerance
