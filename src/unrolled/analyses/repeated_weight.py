"""One weight used again and again: the powers of the lecture's toy network, the steps it allows, and its gradient by lag (D7 to D9)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch

from unrolled import drawing as figures
from unrolled import training
from unrolled.analyses import repeated_weight_piece
from unrolled.analyses.base import AnalysisResult, Picture, compare
from unrolled.analyses.gates import expected_factor
from unrolled.analyses.lags import Fit, draw_inputs, fit, gradient_by_lag
from unrolled.analyses.repeated_steps import largest_step
from unrolled.analyses.weights import set_weights
from unrolled.cells.base import unroll
from unrolled.cells.elman import Elman

WEIGHTS = (1.0, 1.01, 0.99, 0.01)  # the lecture's own


@dataclasses.dataclass(frozen=True)
class Options:
    """Sizes of the three experiments.

    Attributes:
        repeats: how often the weight is used in the toy network.
        reach: weights are taken from [1 - reach, 1 + reach] (D8).
        samples: weights in one sample, of which the largest and smallest stable step are compared.
        seeds, first_seed: samples, or networks.
        hidden, length, batch: of the networks whose gradient is followed back in time (D9).
        first_lag: the lags before it are left out of the fit, since the direction of the error is still turning.
        gain_spread: deviation of the logarithm of the scalar gains of the control.
    """

    repeats: int = 999
    reach: float = 0.02
    samples: int = 50
    seeds: int = 10
    first_seed: int = 0
    hidden: int = 32
    length: int = 100
    batch: int = 16
    first_lag: int = 20
    gain_spread: float = 0.05

    def __post_init__(self) -> None:
        if self.first_lag + 2 > self.length:
            raise ValueError(f"first_lag {self.first_lag} leaves no lags to fit in a length of {self.length}.")
        if min(self.samples, self.repeats) < 1 or not 0 < self.reach < 1:
            raise ValueError(f"samples and repeats must be at least 1 and reach lie between 0 and 1, but they are {self.samples}, "
                             f"{self.repeats} and {self.reach:g}.")


def analyse(options: Options, settings: object) -> AnalysisResult:
    """Compute powers, stable steps and gradients by lag."""
    result = powers(options)
    result.add(stable_steps(options))
    result.add(rates_by_lag(options))
    result.add(tied_and_untied(options))
    result.pieces["try_a_weight"] = repeated_weight_piece.piece(options.repeats, options.reach, WEIGHTS)
    return result


def powers(options: Options) -> AnalysisResult:
    """D7: output and gradient after 1000 steps for the lecture's four weights, three ways."""
    outputs, gradients = toy_network(WEIGHTS, options.repeats + 1)
    exact = [weight**options.repeats for weight in WEIGHTS]
    slopes = [options.repeats * weight ** (options.repeats - 1) for weight in WEIGHTS]
    by_logarithm = [10 ** (options.repeats * math.log10(weight)) for weight in WEIGHTS]
    result = AnalysisResult([
        compare("D7", "outputs of our linear Elman cell = w^999, relative error", [0.0] * 4, _relative(outputs, exact), 1e-10),
        compare("D7", "outputs = powers by logarithms, relative error", [0.0] * 4, _relative(outputs, by_logarithm), 1e-10),
        compare("D7", "gradients of our cell = 999 w^998, relative error", [0.0] * 4, _relative(gradients, slopes), 1e-10)],
        values={"outputs": outputs, "gradients": gradients,
                "outputs_log10": [options.repeats * math.log10(weight) for weight in WEIGHTS]},
        figures={"powers": _powers_picture(options)})
    if options.repeats == 999:
        result.checks += [
            compare("D7", "outputs for 1, 1.01, 0.99 and 0.01 are 1, about 20000, about 0 and about 0",
                    [1, 20000, 0, 0], outputs, 1000), compare("D7", "output for 1", 1.0, outputs[0]),
            compare("D7", "outputs for 0.99 and 0.01 are below 0.0001", [True, True], [value < 1e-4 for value in outputs[2:]]),
            compare("D7", "gradient for 1", 999.0, gradients[0]),
            compare("D7", "gradient for 1.01", 2.0526e7, gradients[1], 1e3),
            compare("D7", "gradient for 0.99", 0.0440, gradients[2], 1e-4),
            compare("D7", "gradient for 0.01 is below the least float64", 0.0, gradients[3])]
    return result


def toy_network(weights: Sequence[float], steps: int) -> tuple[list[float], list[float]]:
    """Return the last output, and its gradient, of the lecture's linear network on the inputs 1, 0, 0, ...; one member a weight."""
    cell = Elman(1, 1, [training.generator(0, "values")] * len(weights), activation="linear")
    set_weights(cell, input_weight=1.0, recurrent_weight=torch.tensor(weights, dtype=torch.float64).view(-1, 1, 1), bias=0.0)
    inputs = torch.zeros(len(weights), 1, steps, 1, dtype=torch.float64)
    inputs[:, :, 0] = 1
    outputs = unroll(cell, inputs).outputs[:, 0, -1, 0]
    gradient, = torch.autograd.grad(outputs.sum(), [cell.recurrent_weight])
    return outputs.tolist(), gradient.flatten().tolist()


def _relative(found: Sequence[float], expected: Sequence[float]) -> list[float]:
    return [abs(one - other) / abs(other) if other else abs(one) for one, other in zip(found, expected, strict=True)]


@figures.styled
def stable_steps(options: Options) -> AnalysisResult:
    """D8: decades between the largest stable steps at nearby weights, if the weight is used often and if it is used once."""
    decades, once = [], []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        weights = 1 + np.random.default_rng([seed, 8]).uniform(-options.reach, options.reach, options.samples)
        for repeats, found in ((options.repeats, decades), (1, once)):
            steps = np.log10(largest_step(weights, repeats))
            found.append(float(steps.max() - steps.min()))
    figure, axes = figures.panels(height=2.8)
    weights = np.linspace(1 - options.reach, 1 + options.reach, 400)  # an even number leaves the minimum itself out
    axes.plot(weights, largest_step(weights, options.repeats), color=figures.BLUE, label=f"used {options.repeats} times")
    axes.plot(weights, largest_step(weights, 1), color=figures.VERMILION, label="used once")
    axes.set(yscale="log", xlabel="w", ylabel="largest stable learning rate", title="How large a step may be, by weight")
    axes.legend()
    picture = Picture(figure, ["D8"], "The step that a small change of the weight allows.", "权重稍变，允许的步长就大变。",
                      "Largest learning rate at which a step of gradient descent does not raise (w^n - 1)^2 / 2.",
                      "使 (w^n - 1)^2 / 2 不上升的最大学习率。")
    return AnalysisResult(values={"stable_rate_decades": decades, "stable_rate_decades_once": once},
                          figures={"stable_steps": picture})


def rates_by_lag(options: Options) -> AnalysisResult:
    """D9: the gradient of a tanh network by lag, against recurrent gain (spectral radius) times mean slope."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    cell = Elman(2, options.hidden, [training.generator(seed, "values") for seed in seeds]).double()
    inputs = draw_inputs(options.length, options.batch, cell.features, seeds)
    norms, states = gradient_by_lag(cell, inputs, seeds)
    found = fit(norms, options.first_lag)
    predicted = expected_factor(cell, inputs, states)
    error = np.abs(found.factor / predicted - 1)
    return AnalysisResult(
        values={"fit_r_squared": found.r_squared.tolist(), "rate_error": error.tolist(), "rate": found.factor.tolist(),
                "rate_predicted": predicted.tolist()},
        figures={"rates_by_lag": _lag_picture(norms, found, predicted, options)})


@figures.styled
def tied_and_untied(options: Options) -> AnalysisResult:
    """D9's control: a linear unit whose gain is the same at each step, and one with independent gains of the same spread.

    A whole network with a new random matrix at each step forgets at nearly the rate of the tied one (`gradient_flow` measures both), so
    repetition explains how *far* gains drift from 1, not that a gain below 1 forgets.
    """
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    draws = np.stack([np.random.default_rng([seed, 9]).normal(0, options.gain_spread, options.length) for seed in seeds])
    tied = np.abs(np.cumsum(np.repeat(draws[:, :1], options.length, 1), 1)) / math.log(10)
    untied = np.abs(np.cumsum(draws, 1)) / math.log(10)
    through_cell = _through_cell(np.exp(draws[:, 0]), options.length)
    figure, axes = figures.panels(height=2.8)
    lags = np.arange(1, options.length + 1)
    figures.band(axes, lags, tied, figures.BLUE, "one gain, used at every step")
    figures.band(axes, lags, untied, figures.VERMILION, "a new gain at each step")
    axes.set(xlabel="lag (steps)", ylabel="decades from 1", title="How far the gradient drifts from 1")
    axes.legend()
    picture = Picture(figure, ["D9"], "Tied and untied gains of the same spread.", "同样分布的增益：共用与独立。",
                      "Median and range over seeds. Repetition makes the drift proportional to time instead of its root. A whole network "
                      "with a new random matrix at each step forgets as well, see the finding on it.",
                      "中位数与各种子的范围。重复使用同一个增益，使梯度的偏离与时间成正比，而不是与时间的平方根成正比。"
                      "整个网络每一步换一个随机矩阵时，同样会遗忘，见判定中的相应一项。")
    return AnalysisResult(
        [compare("D9", "gradient of our linear cell = gain^(T-1), largest error in decades", 0.0,
                 float(np.abs(through_cell - tied[:, options.length - 2]).max()), 1e-9)],
        values={"tied_decades": tied[:, -1].tolist(), "untied_decades": untied[:, -1].tolist()},
        figures={"tied_and_untied": picture})


def _through_cell(gains: np.ndarray, length: int) -> np.ndarray:
    """Return |log10| of the gradient of the last state for the first, of our linear cell with these recurrent weights."""
    cell = Elman(1, 1, [training.generator(0, "values")] * len(gains), activation="linear")
    set_weights(cell, input_weight=1.0, recurrent_weight=torch.from_numpy(gains).view(-1, 1, 1), bias=0.0)
    states = unroll(cell, torch.zeros(len(gains), 1, length, 1, dtype=torch.float64), keep_states=True).states
    gradient, = torch.autograd.grad(states[-1].hidden.sum(), [states[0].hidden])
    return np.abs(np.log10(gradient.flatten().numpy()))


@figures.styled
def _powers_picture(options: Options) -> Picture:
    """Draw w^999 and its gradient around 1."""
    figure, axes = figures.panels(2, height=2.8)
    weights = np.linspace(1 - options.reach, 1 + options.reach, 400)
    axes[0].plot(weights, weights**options.repeats, color=figures.BLUE)
    axes[0].set(yscale="log", xlabel="w", ylabel=f"w^{options.repeats}", title="Output")
    axes[1].plot(weights, options.repeats * weights ** (options.repeats - 1.0), color=figures.VERMILION)
    axes[1].set(yscale="log", xlabel="w", ylabel="gradient for w", title="Gradient")
    for panel in axes:
        panel.plot(1, 1 if panel is axes[0] else options.repeats, "o", color=figures.BLACK, markersize=4)
    return Picture(figure, ["D7", "D8"], "A weight used 999 times.", "连用 999 次的权重。",
                   "Output and gradient of the toy network near w = 1 (dot), on logarithmic scales.",
                   "玩具网络在 w = 1（圆点）附近的输出与梯度，对数坐标。")


@figures.styled
def _lag_picture(norms: np.ndarray, found: Fit, predicted: np.ndarray, options: Options) -> Picture:
    """Draw the gradient's norm by lag, and the predicted line of the first member."""
    figure, axes = figures.panels(height=2.8)
    lags = np.arange(norms.shape[1])
    figures.band(axes, lags, norms, figures.BLUE, "tanh network")
    start = norms[0, options.first_lag]
    axes.plot(lags, start * predicted[0] ** (lags - options.first_lag), "--", color=figures.BLACK, linewidth=1,
              label="spectral radius × slope, first seed")
    axes.set(yscale="log", xlabel="lag (steps)", ylabel="gradient norm", title="Gradient by lag")
    axes.legend()
    return Picture(figure, ["D9"], "The gradient by lag is geometric.", "梯度随时间间隔呈几何衰减。",
                   f"Median and range over {len(norms)} seeds at initialisation; fitted factor {found.factor.mean():.3f} per step, "
                   f"predicted {predicted.mean():.3f}.",
                   f"初始化时 {len(norms)} 个种子的中位数与范围；拟合得每步 {found.factor.mean():.3f}，预测 {predicted.mean():.3f}。")
