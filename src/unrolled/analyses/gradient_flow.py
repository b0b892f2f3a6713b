"""How a gradient fares on its way back in time, for each cell, at initialisation and after training (E1, E3, E4, D9)."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from unrolled import catalogue, results, training
from unrolled import drawing as figures
from unrolled.analyses import chinese as in_chinese
from unrolled.analyses import gradient_flow_piece
from unrolled.analyses.base import AnalysisResult, Picture, Sentence
from unrolled.analyses.gates import expected_factor, kept_share
from unrolled.analyses.lags import draw_inputs, fit, gradient_by_lag
from unrolled.analyses.trained import note
from unrolled.analyses.weights import trained_model
from unrolled.cells import CELLS
from unrolled.cells.base import Cell
from unrolled.cells.elman import Elman
from unrolled.settings import Run, Settings, SettingsError, nearest

EXPLAINED = {  # by a pattern of the names
    r"irnn": ("irnn: ReLU, started as the identity", "irnn：ReLU，以单位矩阵初始化"),
    r"lstm_\d+": ("lstm_0, lstm_1, ...: LSTM with that initial forget bias", "lstm_0、lstm_1 等：以该数为遗忘门初始偏置的 LSTM"),
    r"leaking": ("leaking: LSTM that keeps a fixed share of its memory at each step, without a gate",
                 "leaking：没有遗忘门、每步按固定比例保留记忆的 LSTM"),
    r"overwriting": ("overwriting: LSTM that keeps none of it", "overwriting：每步都不保留原有记忆的 LSTM"),
    r"coupled": ("coupled: LSTM that forgets as much as it takes in", "coupled：遗忘门与输入门之和为 1 的 LSTM"),
    r"tanh_untied": ("tanh_untied: a new matrix at each step", "tanh_untied：每一步换一个新矩阵"),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """What is looked at.

    Attributes:
        cells: by the name that its value gets (factor_<name>): the cell and its options.
        trained: the section whose trained runs are looked at too. trained_runs: which of them.
        biases: of those runs, the ones whose forget gates are compared, with the bias each started from.
        length, batch, hidden: of the sequences and of the untrained cells.
        first_lag: lags before it are left out of the fit.
        seeds, first_seed: untrained networks per cell.
    """

    cells: Mapping[str, Any]
    trained_runs: tuple[str, ...]
    biases: Mapping[str, Any]
    trained: str = "adding"
    length: int = 100
    batch: int = 16
    hidden: int = 32
    first_lag: int = 20
    seeds: int = 10
    first_seed: int = 0

    def __post_init__(self) -> None:
        if self.first_lag + 2 > self.length:
            raise ValueError(f"first_lag {self.first_lag} leaves no lags to fit in a length of {self.length}.")
        for name, cell in self.cells.items():
            where = f"analyses.gradient_flow.cells.{name}"
            if not isinstance(cell, Mapping) or "cell" not in cell:
                raise SettingsError(f"{where} must be a mapping with a cell, but is {cell!r}.")
            catalogue.check_cell(cell["cell"], self.hidden, {key: value for key, value in cell.items() if key != "cell"}, where)
        for name, bias in self.biases.items():
            if not isinstance(bias, int | float) or isinstance(bias, bool) or not math.isfinite(bias):
                raise ValueError(f"biases.{name} must be a number, but is {bias!r}.")


class Flow(NamedTuple):
    """Of one kind of network: gradient norms (members, lags), the factor theory expects (members,), and what its gates keep (members,)."""

    norms: np.ndarray
    expected: np.ndarray | None
    kept: np.ndarray | None


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Measure every cell untrained and every trained run, and draw both."""
    initial = {name: untrained(entry, options) for name, entry in options.cells.items()}
    initial["tanh_untied"] = Flow(untied_norms(options), None, None)
    trained = _trained(options, settings)
    values: dict[str, Any] = {}
    for prefix, flows in (("", initial), ("trained_", trained)):
        for name, flow in flows.items():
            values |= values_of(f"{prefix}{name}", flow, _first_lag(flow, options))
    underflows = {name: _underflow(flow.norms) for name, flow in initial.items()}
    values |= {f"float32_zero_after_{name}": lag for name, lag in underflows.items() if lag is not None}
    like_untrained = {f"lstm_{options.biases[name]}" if name in options.biases else name: flow for name, flow in trained.items()}
    order = list(dict.fromkeys([*initial, *like_untrained]))
    figures_made = {"initialisation": _picture(initial, order, options, "At initialisation", "初始化时"),
                    "after_training": _picture(like_untrained, order, options, f"After training on {options.trained}", "训练之后")}
    sentences = []
    if _gated(trained, options):
        figures_made["openings"] = _openings_picture(trained, options)
        sentences.append(_openings_sentence(trained, options))
    compared = gradient_flow_piece.piece(initial, like_untrained, options.trained, lambda flow: _first_lag(flow, options))
    return AnalysisResult(values=values, figures=figures_made, sentences=sentences, pieces={"compare_cells": compared})


def values_of(name: str, flow: Flow, first_lag: int) -> dict[str, list[float]]:
    """Return by member the factor per step, how near to 1 it lies, and what theory expects and gates keep."""
    factors = fit(flow.norms, first_lag).factor
    found = {"factor": factors, "constancy": np.minimum(factors, 1 / factors), "expected": flow.expected, "opening": flow.kept}
    return {f"{kind}_{name}": values.tolist() for kind, values in found.items() if values is not None}


def _first_lag(flow: Flow, options: Options) -> int:
    """Return the lag from which a line is fitted: the option's, or two fifths of a shorter sequence."""
    return min(options.first_lag, 2 * flow.norms.shape[1] // 5)


def measure(cell: Cell, inputs: torch.Tensor, seeds: Sequence[int]) -> Flow:
    """Follow the gradient of one cell, in float64, and hold it against theory."""
    norms, states = gradient_by_lag(cell, inputs, seeds)
    kept = kept_share(cell, inputs, states)
    return Flow(norms, expected_factor(cell, inputs, states), None if kept is None else kept.detach().mean((1, 2, 3)).numpy())


def untrained(entry: Mapping[str, Any], options: Options) -> Flow:
    """Measure one kind of cell as it is initialised, on even random numbers."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    given = {key: value for key, value in entry.items() if key != "cell"}
    if CELLS[entry["cell"]].reads_out:
        given |= {"outputs": 1, "output_activation": "linear"}
    cell = CELLS[entry["cell"]](2, options.hidden, [training.generator(seed, "values") for seed in seeds], **given).double()
    return measure(cell, draw_inputs(options.length, options.batch, cell.features, seeds), seeds)


def untied_norms(options: Options) -> np.ndarray:
    """Return gradient norms by lag (members, lags) of a tanh network whose recurrent matrix is drawn anew at each step: D9's control."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    cell = Elman(2, options.hidden, [training.generator(seed, "values") for seed in seeds]).double()
    projected = cell.project(draw_inputs(options.length, options.batch, 2, seeds).transpose(1, 2).flatten(1, 2))
    bound, hidden, states = options.hidden**-0.5, cell.zeros(options.batch), []
    random = [np.random.default_rng([seed, 11]) for seed in seeds]
    for step_input in projected.detach().unflatten(1, (options.length, options.batch)).unbind(1):
        matrices = np.stack([one.uniform(-bound, bound, (options.hidden, options.hidden)) for one in random])
        hidden = torch.tanh(step_input + torch.bmm(hidden, torch.from_numpy(matrices))).requires_grad_()
        states.append(hidden)
    directions = torch.stack([torch.randn(options.hidden, generator=training.generator(seed, "dropout"), dtype=torch.float64)
                              for seed in seeds])
    gradients = torch.autograd.grad((hidden * directions.unsqueeze(1)).sum(), states)
    return torch.stack([part.norm(dim=-1).log().mean(1).exp() for part in reversed(gradients)], 1).detach().numpy()


def _trained(options: Options, settings: Settings) -> dict[str, Flow]:
    """Measure trained runs on sequences of their own task.

    Raises:
        SettingsError: there is no such section, or no such run in it, or it has more than one cell.
    """
    if options.trained not in settings.tasks:
        raise SettingsError(f"analyses.gradient_flow.trained is {options.trained!r}{nearest(options.trained, settings.tasks)}")
    section, found = settings.tasks[options.trained], {}
    for name in options.trained_runs:
        if name not in section.runs:
            raise SettingsError(f"analyses.gradient_flow.trained_runs names {name!r}{nearest(name, section.runs)}")
        run = section.runs[name]
        _check_single(run)
        note(f"{section.name}/{name}")
        task = catalogue.make_task(run, section.reads)
        cell: Cell = trained_model(run, task, results.read_arrays(results.weights_file(section.name, name))).forward_cells[0].double()
        batch = next(iter(task.evaluation_batches("validation"))).inputs[:, : options.batch].double()
        seeds = range(options.first_seed, options.first_seed + cell.members)
        found[name] = measure(cell, batch.expand(cell.members, -1, -1, -1), seeds)
    return found


def _check_single(run: Run) -> None:
    """Check that a run reads with one cell, so that what is measured of this cell is the way of the whole gradient.

    Raises:
        SettingsError: it has several, or none that reads alone.
    """
    if run.layers != 1 or run.bidirectional or run.model != "reader":
        raise SettingsError(f"analyses.gradient_flow.trained_runs names {run.name!r}, but only a reader of one layer in one direction is "
                            f"measured, and tasks.{run.task}.runs.{run.name} has model={run.model}, layers={run.layers} and "
                            f"bidirectional={str(run.bidirectional).lower()}; leave it out.")


def _underflow(norms: np.ndarray) -> float | None:
    """Return the first lag at which the median norm is 0 in float32 with denormals flushed, None if there is none."""
    below = np.flatnonzero(np.median(norms, 0) < np.finfo(np.float32).tiny)
    return float(below[0]) if len(below) else None


def _gated(trained: Mapping[str, Flow], options: Options) -> dict[str, float]:
    """Return the biases of those trained runs that have a forget gate."""
    return {name: bias for name, bias in options.biases.items() if name in trained and trained[name].kept is not None}


def _openings_sentence(trained: Mapping[str, Flow], options: Options) -> Sentence:
    """Say how far the forget gates stand open after training, by the bias they started from."""
    numbers = {bias: trained[name].kept.mean() for name, bias in _gated(trained, options).items()}
    english = ", ".join(f"{bias}: {value:.2f} (started near {1 / (1 + np.exp(-float(bias))):.2f})" for bias, value in numbers.items())
    return Sentence(["E4"], f"Mean opening of the forget gate after training on {options.trained}, by initial bias: {english}.",
                    f"在{in_chinese.section(options.trained)}任务上训练后遗忘门的平均开度，按初始偏置（括号内为初始开度）："
                    + "，".join(f"{bias}：{value:.2f}（{1 / (1 + np.exp(-float(bias))):.2f}）" for bias, value in numbers.items()) + "。")


@figures.styled
def _openings_picture(trained: Mapping[str, Flow], options: Options) -> Picture:
    """Draw each seed's mean forget-gate opening after training, by initial bias; a cross where it started."""
    figure, axes = figures.panels(height=1.0 + 0.35 * len(options.biases))
    groups = {f"bias {bias}": trained[name].kept for name, bias in _gated(trained, options).items()}
    figures.dots(axes, groups)
    starts = [1 / (1 + np.exp(-float(bias))) for name, bias in _gated(trained, options).items()]
    axes.plot(starts, range(len(starts)), "x", color=figures.BLACK, markersize=6, label="sigmoid(bias), where it started")
    axes.set(xlim=(0, 1.02), xlabel="mean opening of the forget gate after training, one dot per seed", title="What training makes of it")
    figure.legend(*[part[-1:] for part in axes.get_legend_handles_labels()], loc="outside lower center")
    return Picture(figure, ["E4"], "Forget gates after training.", "训练后的遗忘门。",
                   f"On validation sequences of {options.trained}, mean over units, steps and sequences; 1 keeps everything.",
                   f"在{in_chinese.section(options.trained)}任务的验证序列上，对单元、时间步与序列取平均；1 表示全部保留。")


@figures.styled
def _picture(flows: Mapping[str, Flow], order: Sequence[str], options: Options, title: str, title_zh: str) -> Picture:
    """Draw the median norm by lag, each curve starting at 1, every seed's factor, and the factor that theory expects.

    Args:
        flows: by name. order: of the names of all that is drawn anywhere, by which each has its colour.
        options: of the analysis. title, title_zh: of the picture.
    """
    norms = {name: flow.norms for name, flow in flows.items()}
    figure, (curves, factors) = figures.panels(2, width=7.6, height=max(3.4, 0.3 * len(norms)), width_ratios=(3, 2))
    for place, (name, values) in enumerate(norms.items()):
        lags = np.arange(values.shape[1])
        colour, again = figures.colour(order.index(name)), order.index(name) // len(figures.COLOURS) % 3
        shown = values / values[:, :1]
        curves.plot(lags, np.median(shown, 0), color=colour, linestyle=("-", "--", ":")[again], label=name)
        factor = fit(values, _first_lag(flows[name], options)).factor
        if flows[name].expected is not None:
            factors.plot(np.median(flows[name].expected), place, "x", color=figures.BLACK, markersize=5, zorder=3)
        factors.plot(factor, np.full(len(factor), place), "o", color=colour, markersize=3.5, alpha=0.6, markeredgewidth=0)
    curves.axhline(1, color=figures.GREY, linewidth=0.8, linestyle=":")
    factors.axvline(1, color=figures.GREY, linewidth=0.8, linestyle=":")
    lowest = min(float(np.median(values / values[:, :1], 0).min()) for values in norms.values()) if norms else 1e-3
    curves.set(yscale="log", xlabel="lag (steps)", ylabel="gradient norm, lag 0 = 1", title=title,
               ylim=(max(lowest, 1e-60), None))
    factors.set_yticks(range(len(norms)), list(norms))
    factors.invert_yaxis()
    factors.set(xlabel="factor per step", title="One dot per seed")
    names_explained, names_explained_zh = _explained(norms)
    return Picture(figure, ["E1", "E3", "D9"], f"{title}: what is left of the gradient.", f"{title_zh}：梯度还剩多少。",
                   "Median over seeds, in float64; the factor is fitted beyond the first lags. Cross: what theory expects, recurrent gain "
                   "times slope of a plain network, mean keeping of a gate. For gates that is a mean over units, and leaves out the ways "
                   "through the recurrent weights: a few units whose gate stays open can carry the gradient, so that dots may lie well "
                   "above it. A curve has the colour of its row; rows of one colour differ in their lines, solid, dashed or dotted. "
                   f"{names_explained}",
                   "各种子的中位数，float64 计算；每步因子用最初几个间隔之后的部分拟合。叉号为理论值：普通网络为循环增益乘以斜率，"
                   "门控单元为门的平均保留率，它只是各单元的平均，也没有计入经循环权重的路径：少数门一直开着的单元就能承载梯度，所以圆点可以"
                   f"远高于叉号。曲线与右图同一行同色；同色的几行以实线、虚线、点线区分。{names_explained_zh}")


def _explained(names: Iterable[str]) -> tuple[str, str]:
    """Return what the names that are drawn stand for, where they do not say so, in both languages."""
    parts = [words for name, words in EXPLAINED.items() if any(re.fullmatch(name, each) for each in names)]
    return f"{'; '.join(english for english, _ in parts)}.", f"{'；'.join(chinese for _, chinese in parts)}。"
