r"""Planes (w, b) of one-unit networks: error and exact gradient for all points at once, forwards, in float64 (D3, E2).

Every recurrent weight of the network is w, every bias is b, every input weight is 1. The LSTM's forget gate has b plus its forget
bias; no forget gate at all is the same as an infinite one, since it then always stands open. Two problems:

pascanu: no input; the hidden value starts at :math:`\sigma(0.5)` and is to be 0.7 after all steps (Pascanu, Mikolov & Bengio 2013).
    The network without memory is theirs, a sigmoid unit. Theirs says nothing of an LSTM's memory: it starts at the value that an
    open output gate would show as the same hidden value, :math:`\operatorname{artanh}\sigma(0.5)`.
latch: the first input is +1 or -1, all others are 0; after the last step the hidden value is to be +0.5 or -0.5, the sign of the
    first input. All starts at 0; the network without memory is a tanh unit. Always to answer 0 costs 0.25.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit

from unrolled.analyses import error_surface
from unrolled.analyses.weights import generators, set_weights
from unrolled.cells.base import unroll
from unrolled.cells.elman import Elman, ElmanState
from unrolled.cells.lstm import LSTM, LSTMState

FORGET_BIASES = {"lstm_0": 0.0, "lstm_1": 1.0, "lstm_5": 5.0, "lstm_no_forget_gate": math.inf}
NETWORKS = ("rnn", *FORGET_BIASES)
LARGEST = 700.0  # exp of it is still finite in float64


class Problem(NamedTuple):
    """Sequences with their first inputs and targets, and where hidden value and memory start."""

    first_inputs: tuple[float, ...]
    targets: tuple[float, ...]
    hidden: float
    memory: float


PROBLEMS = {
    "pascanu": Problem((0.0,), (error_surface.TARGET,), float(expit(error_surface.START)),
                       float(np.arctanh(expit(error_surface.START)))),
    "latch": Problem((1.0, -1.0), (0.5, -0.5), 0.0, 0.0),
}
Errors = tuple[np.ndarray, np.ndarray, np.ndarray]


class Plane(NamedTuple):
    """A rectangle of weights and biases, each (lowest, highest)."""

    weights: tuple[float, ...]
    biases: tuple[float, ...]

    def grid(self, points: int, moved: tuple[float, ...] = (0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
        """Return weights and biases, each (points, points), of the plane moved as a whole; the weight changes along the first axis."""
        return np.meshgrid(np.linspace(*self.weights, points) + moved[0], np.linspace(*self.biases, points) + moved[1], indexing="ij")

    def draw(self, count: int, moved: tuple[float, ...], random: np.random.Generator) -> np.ndarray:
        """Draw points evenly from the moved plane: weights and biases (2, count)."""
        low, high = np.transpose([self.weights, self.biases]) + np.asarray(moved)
        return random.uniform(low[:, None], high[:, None], (2, count))


def error(network: str, problem: str, weight: np.ndarray, bias: np.ndarray, steps: int = 50) -> Errors:
    """Return the error, its derivative for the weight and that for the bias, each of the inputs' shape.

    Args:
        network: one of `NETWORKS`.
        problem: one of `PROBLEMS`.
        weight: w at each point, any shape.
        bias: b at each point, the same shape.
        steps: length of the sequence.
    """
    if network == "rnn" and problem == "pascanu":
        return error_surface.error(weight, bias, steps)
    given = PROBLEMS[problem]
    shape, flat = np.shape(weight), (np.ravel(weight), np.ravel(bias))
    first, target = (np.array(values)[:, None] for values in (given.first_inputs, given.targets))
    with np.errstate(over="ignore", invalid="ignore"):  # a descent that flew off may ask for any place
        if network == "rnn":
            hidden, slopes = _tanh_unit(*flat, steps, given, first)
        else:
            hidden, slopes = _lstm_unit(*flat, steps, given, first, math.exp(-FORGET_BIASES[network]))
        miss = hidden - target  # (sequences, points)
        by_weight, by_bias = (2 * miss * slopes).mean(1)
        value = np.square(miss).mean(0)
    return value.reshape(shape), by_weight.reshape(shape), by_bias.reshape(shape)


def _tanh_unit(weight: np.ndarray, bias: np.ndarray, steps: int, problem: Problem, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the last hidden value (sequences, points) and its derivatives for weight and bias (2, sequences, points)."""
    hidden = np.full((len(given), len(weight)), problem.hidden)
    hidden_by = np.zeros((2, *hidden.shape))
    for step in range(steps):
        total_by = weight * hidden_by
        total_by[0] += hidden
        total_by[1] += 1
        hidden = np.tanh(weight * hidden + (bias + given if step == 0 else bias))
        hidden_by = (1 - hidden * hidden) * total_by
    return hidden, hidden_by


def _lstm_unit(weight: np.ndarray, bias: np.ndarray, steps: int, problem: Problem, given: np.ndarray, closing: float
               ) -> tuple[np.ndarray, np.ndarray]:
    """Return what `_tanh_unit` does, for an LSTM; `closing` is exp(-forget bias).

    Input and output gate have the same weights, hence the same opening, and the forget gate's comes of the same exponential, which
    takes a third of the time of two logistic functions.
    """
    hidden = np.full((len(given), len(weight)), problem.hidden)
    memory = np.full(hidden.shape, problem.memory)
    hidden_by, memory_by = np.zeros((2, 2, *hidden.shape))
    for step in range(steps):
        total = weight * hidden + (bias + given if step == 0 else bias)
        total_by = weight * hidden_by
        total_by[0] += hidden
        total_by[1] += 1
        power = np.exp(np.minimum(-total, LARGEST))
        gate, kept, new = 1 / (1 + power), 1 / (1 + closing * power), np.tanh(total)
        gate_slope = gate * (1 - gate)
        drive = memory * (kept * (1 - kept)) + new * gate_slope + gate * (1 - new * new)
        memory_by = kept * memory_by + drive * total_by
        memory = kept * memory + gate * new
        shown = np.tanh(memory)
        hidden_by = (shown * gate_slope) * total_by + (gate * (1 - shown * shown)) * memory_by
        hidden = gate * shown
    return hidden, hidden_by


def through_cells(network: str, problem: str, weight: np.ndarray, bias: np.ndarray, steps: int = 50) -> Errors:
    """Return what `error` does, of points (points,), by this project's own cells and automatic differentiation: one member per point."""
    given, points = PROBLEMS[problem], len(weight)
    gains, offsets = (torch.as_tensor(values, dtype=torch.float64).view(-1, 1, 1) for values in (weight, bias))
    if network == "rnn":
        cell = Elman(1, 1, generators(points), activation="sigmoid" if problem == "pascanu" else "tanh")
    else:
        bias_of_gate = FORGET_BIASES[network]
        cell = LSTM(1, 1, generators(points), **({"forget_bias": bias_of_gate} if math.isfinite(bias_of_gate) else {"forget_gate": False}))
        offsets = offsets + cell.bias.detach()  # which is 0 but for the forget gate's
    set_weights(cell, input_weight=1.0, recurrent_weight=gains, bias=offsets)
    inputs = torch.zeros(points, len(given.targets), steps, 1, dtype=torch.float64)
    inputs[:, :, 0, 0] = torch.tensor(given.first_inputs, dtype=torch.float64)
    hidden, memory = (torch.full((points, len(given.targets), 1), value, dtype=torch.float64) for value in (given.hidden, given.memory))
    state = ElmanState(hidden) if network == "rnn" else LSTMState(memory, hidden)
    outputs = unroll(cell, inputs, state).outputs[:, :, -1, 0]  # (points, sequences)
    errors = (outputs - torch.tensor(given.targets, dtype=torch.float64)).square().mean(1)
    slopes = torch.autograd.grad(errors.sum(), [cell.recurrent_weight, cell.bias])
    by_weight, by_bias = (slope.sum((1, 2)).numpy() for slope in slopes)  # all of them are w, and move by b
    return errors.detach().numpy(), by_weight, by_bias
