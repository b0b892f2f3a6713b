"""The lecture's LSTM: its gates, its worked example, its parameters and its vector form (C1 to C4)."""

from __future__ import annotations

import itertools
import math

import torch

from unrolled import drawing as figures
from unrolled.analyses import lstm_steps_piece
from unrolled.analyses.base import AnalysisResult, Picture, compare
from unrolled.analyses.weights import generators, set_weights
from unrolled.cells.base import unroll
from unrolled.cells.elman import Elman
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM


def gates() -> AnalysisResult:
    """C1: each gate driven to 0 and to 1, all eight ways; memory 5 before, candidate 3."""
    result = AnalysisResult()
    for input_gate, forget_gate, output_gate in itertools.product((0, 1), repeat=3):
        pulls = [200.0 * gate - 100 for gate in (input_gate, forget_gate, output_gate)]
        cell = LSTM(1, 1, generators(), input_activation="linear", memory_activation="linear")
        set_weights(cell, input_weight=0.0, recurrent_weight=0.0, bias=torch.tensor([[[*pulls, 3.0]]]))
        before = type(cell.initial_state(1))(torch.full((1, 1, 1), 5.0).double(), torch.zeros(1, 1, 1).double())
        with torch.no_grad():
            output, state = cell.step(cell.project(torch.zeros(1, 1, 1, dtype=torch.float64)), before)
        memory = 5 * forget_gate + 3 * input_gate
        name = f"input gate {input_gate}, forget gate {forget_gate}, output gate {output_gate}: memory and output"
        result.checks.append(compare("C1", name, [memory, memory * output_gate], [state.memory.item(), output.item()], 1e-12))
    return result


INPUTS = [[3, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]]


def lecture_cell(gate_biases: tuple[float, float, float] = (-10, 10, -10)) -> LSTM:
    """Return the slide's cell: z = x1, gates 100 x2, 100 x2 and 100 x3, and their biases."""
    cell = LSTM(3, 1, generators(), input_activation="linear", memory_activation="linear")
    weight = torch.tensor([[0, 0, 0, 1], [100, 100, 0, 0], [0, 0, 100, 0]])  # rows x1 x2 x3; input, forget, output, candidate
    return set_weights(cell, input_weight=weight[None], recurrent_weight=0.0, bias=torch.tensor([[[*gate_biases, 0.0]]]))


def lecture_lstm(gate_biases: tuple[float, float, float] = (-10, 10, -10)) -> tuple[list[float], list[float]]:
    """Return memory and output by step of the slide's cell on its inputs."""
    with torch.no_grad():
        run = unroll(lecture_cell(gate_biases), torch.tensor([[INPUTS]], dtype=torch.float64), keep_states=True)
    return [state.memory.item() for state in run.states], run.outputs.flatten().tolist()


@figures.styled
def lstm_example() -> AnalysisResult:
    """C2: the worked example, to the error of sigmoids that are not quite 0 or 1, and as the notes print its gates."""
    memory, output = lecture_lstm()
    _, literal = lecture_lstm((0, 10, 0))
    figure, axes = figures.panels(height=2.4)
    steps = range(1, len(INPUTS) + 1)
    axes.step(steps, memory, where="mid", color=figures.BLUE, label="memory")
    axes.plot(steps, output, "o", color=figures.VERMILION, label="output")
    axes.set(xticks=list(steps), ylabel="value", title="The lecture's LSTM cell")
    axes.set_xticklabels([f"({', '.join(map(str, step))})" for step in INPUTS])
    axes.legend()
    picture = Picture(figure, ["C2"], "The worked example, step by step.", "算例逐步展开。",
                      "Inputs below; the second component writes, the third reads, -1 in the second clears.",
                      "横轴为输入；第二个分量控制写入，第三个控制读出，第二个分量为 -1 时清空记忆。")
    return AnalysisResult([
        compare("C2", "memory", [3, 7, 7, 7, 0], memory, 2e-3),
        compare("C2", "output", [0, 0, 0, 7, 0], output, 2e-3)],
        figures={"lstm_example": picture}, pieces={"lstm_steps": lstm_steps_piece.piece(lecture_cell(), INPUTS)},
        values={"output_with_the_gates_as_printed": literal[:4]})


def parameter_counts() -> AnalysisResult:
    """C3: the recurrent layer alone, and with a read-out; torch's own cells beside ours."""
    features, hidden, outputs = 10, 100, 10

    def count(module: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    elman, lstm, gru, peephole = (count(cell) for cell in (
        Elman(features, hidden, generators()), LSTM(features, hidden, generators()), GRU(features, hidden, generators()),
        LSTM(features, hidden, generators(), peepholes=True)))
    theirs = [count(cell(features, hidden)) for cell in (torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU)]
    read_out = hidden * outputs + outputs
    return AnalysisResult([
        compare("C3", "LSTM over Elman layer", 4, lstm / elman),
        compare("C3", "torch.nn.LSTM over torch.nn.RNN", 4, theirs[1] / theirs[0]),
        compare("C3", "torch.nn.GRU over torch.nn.RNN", 3, theirs[2] / theirs[0]),
        compare("C3", "GRU over Elman layer, one inner bias a unit apart", 3, (gru - hidden) / elman),
        compare("C3", "peepholes add three weights a unit", 3 * hidden, peephole - lstm)],
        values={"ratio_with_read_out": (lstm + read_out) / (elman + read_out)})


def scalar_cells() -> AnalysisResult:
    """C4: the vector cell against a loop over scalar ones in plain Python, and against torch.nn.LSTM."""
    cell = LSTM(2, 3, generators()).double()
    draw = torch.Generator().manual_seed(1)
    inputs = torch.randn(1, 1, 6, 2, generator=draw, dtype=torch.float64)
    with torch.no_grad():
        ours = unroll(cell, inputs).outputs[0, 0]
        reference = torch.nn.LSTM(2, 3, batch_first=True).double()
        order = [0, 1, 3, 2]  # theirs: input, forget, candidate, output
        chunks = [torch.cat([weight[0].chunk(4, -1)[gate] for gate in order], -1)
                  for weight in (cell.input_weight, cell.recurrent_weight, cell.bias)]
        for parameter, value in zip(reference.parameters(), (chunks[0].t(), chunks[1].t(), chunks[2][0], 0.0), strict=True):
            parameter.copy_(torch.as_tensor(value))
        theirs = reference(inputs[0])[0][0]
    return AnalysisResult([
        compare("C4", "vector cell = loop over scalar cells", _scalar_lstm(cell, inputs[0, 0].tolist()), ours, 1e-12),
        compare("C4", "vector cell = torch.nn.LSTM", theirs, ours, 1e-12)])


def _scalar_lstm(cell: LSTM, inputs: list[list[float]]) -> list[list[float]]:
    """Return the outputs by step; unit by unit, without any vector operation."""
    size = cell.hidden
    input_weight, recurrent_weight, bias = (weight[0].tolist() for weight in (cell.input_weight, cell.recurrent_weight, cell.bias))
    memory, hidden, outputs = [0.0] * size, [0.0] * size, []
    for step_input in inputs:
        before = list(hidden)
        for unit in range(size):
            pulls = [bias[0][gate * size + unit]
                     + sum(value * input_weight[place][gate * size + unit] for place, value in enumerate(step_input))
                     + sum(value * recurrent_weight[place][gate * size + unit] for place, value in enumerate(before))
                     for gate in range(4)]
            write, keep, read = (1 / (1 + math.exp(-pull)) for pull in pulls[:3])
            memory[unit] = keep * memory[unit] + write * math.tanh(pulls[3])
            hidden[unit] = read * math.tanh(memory[unit])
        outputs.append(list(hidden))
    return outputs
