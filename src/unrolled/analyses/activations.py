"""Is the activation the cause? Sigmoid, tanh and ReLU with ordinary, identity and orthogonal starts, on three tasks (D6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from unrolled import drawing as figures
from unrolled.analyses import chinese as in_chinese
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence
from unrolled.settings import Settings

# run names, by start and activation; they are the same in every section
RUNS = {
    ("ordinary", "sigmoid"): "sigmoid", ("ordinary", "tanh"): "tanh", ("ordinary", "relu"): "relu",
    ("identity", "sigmoid"): "sigmoid_identity", ("identity", "tanh"): "tanh_identity", ("identity", "relu"): "irnn",
    ("orthogonal", "sigmoid"): "sigmoid_orthogonal", ("orthogonal", "tanh"): "orthogonal", ("orthogonal", "relu"): "relu_orthogonal",
}
COLOURS = {"sigmoid": figures.VERMILION, "tanh": figures.BLUE, "relu": figures.GREEN}


@dataclasses.dataclass(frozen=True)
class Options:
    """What is drawn.

    Attributes:
        lengths: of the adding problem, a column each; 0 stands for the section's own.
    """

    lengths: tuple[int, ...] = (10, 20, 0)


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Gather every seed's score by start and activation, and draw them."""
    columns: dict[str, Mapping[tuple[str, str], np.ndarray]] = {}
    for length in options.lengths:
        suffix = f"_{length}" if length else ""
        own = length or trained.section_of("adding", settings).runs["tanh"].options.get("length", 50)
        columns[f"adding, T = {own}: log10 of error"] = {
            key: np.log10(trained.scores_of(trained.record(f"adding/{run}{suffix}"), "mean_squared_error")) for key, run in RUNS.items()}
    columns["small digits: accuracy"] = {
        key: trained.scores_of(trained.record(f"small_digits/{run}"), "accuracy") for key, run in RUNS.items()}
    columns["characters: bits"] = {
        key: trained.scores_of(trained.record(f"character_model/{run}"), "bits_per_character") for key, run in RUNS.items()}
    return AnalysisResult(figures={"activations": _picture(columns)}, sentences=[_sentence(columns)])


def _sentence(columns: Mapping[str, Mapping[tuple[str, str], np.ndarray]]) -> Sentence:
    """Say which activation is best and worst with an ordinary start, task by task."""
    english, chinese = [], []
    for name, found in columns.items():
        sign = 1 if "accuracy" in name else -1
        order = sorted((sign * values.mean(), activation) for (start, activation), values in found.items() if start == "ordinary")
        english.append(f"{name}: {' > '.join(activation for _, activation in reversed(order))}")
        chinese.append(f"{in_chinese.column(name)}：{' > '.join(activation for _, activation in reversed(order))}")
    return Sentence(["D6"], f"With an ordinary start, from best to worst mean: {'; '.join(english)}.",
                    f"普通初始化下按均值从好到差：{'；'.join(chinese)}。")


@figures.styled
def _picture(columns: Mapping[str, Mapping[tuple[str, str], np.ndarray]]) -> Picture:
    """Draw one panel per task: a row per start and activation, a dot per seed."""
    figure, axes = figures.panels(len(columns), width=2.0 * len(columns) + 1.3, height=3.2, squeeze=False, sharey=True)
    for panel, (name, found) in zip(axes[0], columns.items(), strict=True):
        figures.dots(panel, {f"{start} {activation}": values for (start, activation), values in found.items()},
                     [COLOURS[activation] for _, activation in found])
        panel.set_title(name.replace(": ", "\n"), fontsize=8.5)
        for line in (2.5, 5.5):
            panel.axhline(line, color=figures.GREY, linewidth=0.6, linestyle=":")
    return Picture(figure, ["D6"], "Activation and start.", "激活函数与初始化。",
                   "One dot per seed, bar at the mean; each at its own tuned rate. Low errors and bits are good, high accuracies are.",
                   "每点一个种子，短线为均值；各用自己调好的学习率。误差与比特数越低越好，准确率越高越好。")
