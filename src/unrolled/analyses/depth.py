"""Does depth help? One, two and three layers with as many parameters as one, on slot filling and on characters (A5, C6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from unrolled import drawing as figures
from unrolled import results
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Table
from unrolled.settings import Settings

CLAIMS = ["A5", "C6"]
CELLS = {"elman": "Elman", "lstm": "LSTM"}  # stacks are named by cell and layers: elman_1, elman_2, ...


class Panel(NamedTuple):
    """A section of params.yaml: its name in the figure and in words, the score, and what counts for a diverged member."""

    title: str
    name: str
    name_zh: str
    metric: str
    worst: float


PANELS = {
    "slots": Panel("ATIS: chunk F1", "ATIS, chunk F1", "ATIS，块级 F1", "chunk_f1", 0.0),
    "character_model": Panel("Characters: bits", "Shakespeare, bits per character", "莎士比亚文本，每字符比特数",
                             "bits_per_character", 6.0),
}
Records = Mapping[tuple[str, int], dict[str, Any]]  # by cell and number of layers


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared.

    Attributes:
        most_layers: of a stack.
    """

    most_layers: int = 3


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Gather what stacks have scored, of this scale or recorded once at full scale, and draw it."""
    found = {section: _records(section, options.most_layers, settings) for section in PANELS}
    found = {section: records for section, records in found.items() if records}
    if not found:
        return AnalysisResult()
    return AnalysisResult(figures={"depth": _picture(found)}, tables={"depth": _table(found)})


def _records(section: str, most_layers: int, settings: Settings) -> Records:
    paths = {(cell, layers): trained.record_path(section, f"{cell}_{layers}", settings)
             for cell in CELLS for layers in range(1, most_layers + 1)}
    return {key: results.read_result(path) for key, path in paths.items() if path.exists()}


def _scores(panel: Panel, record: dict[str, Any]) -> np.ndarray:
    return trained.scores(record, panel.metric, panel.worst)


@figures.styled
def _picture(found: Mapping[str, Records]) -> Picture:
    """Draw a panel for each section: a row for each stack, a dot per seed."""
    rows = list(dict.fromkeys(key for records in found.values() for key in records))
    figure, axes = figures.panels(len(found), height=2.8, squeeze=False, sharey=True)
    for axis, (section, records) in zip(axes[0], found.items(), strict=True):
        groups = {f"{CELLS[cell]}, {layers} layer{'s' if layers > 1 else ''}":
                  _scores(PANELS[section], records[cell, layers]) if (cell, layers) in records else np.empty(0) for cell, layers in rows}
        figures.dots(axis, groups)
        axis.set_title(PANELS[section].title)
    figure.supxlabel("equal parameters, one dot per seed", fontsize=9)
    return Picture(figure, CLAIMS, "Depth at equal parameters.", "参数量相等时加深网络。",
                   "Slot filling one word at a time (more is better), and the next character of Shakespeare's text (less is better). "
                   "Stacks have as many parameters as one wider layer. Trained once, at full scale; the records are kept.",
                   "左：ATIS 槽位填充，只看当前词（越高越好）；右：预测莎士比亚文本的下一个字符（越低越好）。"
                   "多层网络的参数量与更宽的单层相等。只在 full 规模下训练过一次，其记录保存在代码库中。")


def _table(found: Mapping[str, Records]) -> Table:
    """List every stack with its width, its parameters, its rate and its score."""
    rows, rows_zh = [], []
    for section, records in found.items():
        panel = PANELS[section]
        for (cell, layers), record in records.items():
            values, settings = _scores(panel, record), record["settings"]
            cells = [CELLS[cell], str(layers), str(settings["hidden"]), str(record["parameters"]), f"{settings['learning_rate']:g}",
                     str(len(values)), f"{values.mean():.4f} ± {values.std(ddof=1) if len(values) > 1 else 0:.4f}"]
            rows.append([panel.name, *cells])
            rows_zh.append([panel.name_zh, *cells])
    return Table(CLAIMS, "Depth at equal parameters: mean and standard deviation over seeds.", "参数量相等时各深度的成绩：均值 ± 标准差。",
                 ("task", "cell", "layers", "hidden", "parameters", "learning rate", "seeds", "score"),
                 ("任务", "单元", "层数", "隐层宽度", "参数量", "学习率", "种子数", "成绩"), rows, rows_zh)
