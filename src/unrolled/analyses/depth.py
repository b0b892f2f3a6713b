"""Does depth help? Two and three layers against one of as many parameters or as wide, on slot filling and on characters (A5, C6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from unrolled import drawing as figures
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Table
from unrolled.settings import Settings

CLAIMS = ["A5", "C6"]
CELLS = {"elman": "Elman", "lstm": "LSTM"}


class Panel(NamedTuple):
    """A section of params.yaml: its name in the figure and in words, and the score."""

    title: str
    name: str
    name_zh: str
    metric: str


PANELS = {
    "slots": Panel("ATIS: chunk F1", "ATIS, chunk F1", "ATIS，组块 F1", "chunk_f1"),
    "character_model": Panel("Characters: bits", "Shakespeare, bits per character", "莎士比亚文本，每字符比特数", "bits_per_character"),
}


class Stack(NamedTuple):
    """A cell, the number of layers, and whether each is as wide as the one that it is compared with."""

    cell: str
    layers: int
    is_wide: bool

    @property
    def run(self) -> str:
        """Its name in params.yaml: elman_1, elman_2, elman_2_wide, ..."""
        return f"{self.cell}_{self.layers}" + "_wide" * self.is_wide

    @property
    def label(self) -> str:
        """Its name in a figure."""
        return f"{CELLS[self.cell]}, {self.layers} layer{'s' if self.layers > 1 else ''}" + ", wide" * self.is_wide


Records = Mapping[Stack, dict[str, Any]]


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
    stacks = {stack.run: stack for stack in (Stack(cell, layers, is_wide) for cell in CELLS for layers in range(1, most_layers + 1)
                                             for is_wide in (False, True))}
    chosen = trained.section_of(section, settings)
    known = [run for run in stacks if run in chosen.runs or run in chosen.elsewhere]
    return {stacks[run]: record for run, record in trained.records(section, known, settings).items()}


def _scores(panel: Panel, record: dict[str, Any]) -> np.ndarray:
    return trained.scores_of(record, panel.metric)


@figures.styled
def _picture(found: Mapping[str, Records]) -> Picture:
    """Draw a panel for each section: a row for each stack, a dot per seed."""
    rows = sorted({stack for records in found.values() for stack in records})
    figure, axes = figures.panels(len(found), height=3.0, squeeze=False, sharey=True)
    for axis, (section, records) in zip(axes[0], found.items(), strict=True):
        groups = {stack.label: _scores(PANELS[section], records[stack]) if stack in records else np.empty(0) for stack in rows}
        figures.dots(axis, groups)
        axis.set_title(PANELS[section].title)
    figure.supxlabel("one dot per seed", fontsize=9)
    return Picture(figure, CLAIMS, "Depth.", "加深网络。",
                   "Slot filling one word at a time (more is better), and the next character of Shakespeare's text (less is better). "
                   "Stacks have as many parameters as the one layer; wide: two layers, each as wide as the single one, and a single layer "
                   "with as many parameters as those two. Trained once, at full scale; the records are kept.",
                   "左：ATIS 槽位填充，只看当前词（越高越好）；右：预测莎士比亚文本的下一个字符（越低越好）。"
                   "多层网络的参数量与单层相等；“加宽”：两层者每层与单层同宽，单层者的参数量与加宽的两层相等。"
                   "只在 full 规模下训练过一次，其记录保存在代码库中。")


def _table(found: Mapping[str, Records]) -> Table:
    """List every stack with its width, its parameters, its rate and its score."""
    rows, rows_zh = [], []
    for section, records in found.items():
        panel = PANELS[section]
        for stack, record in records.items():
            values, settings = _scores(panel, record), record["settings"]
            cells = [CELLS[stack.cell], str(stack.layers), str(settings["hidden"]), str(record["parameters"]),
                     f"{trained.only_rate(record):g}", str(len(values)),
                     f"{values.mean():.4f} ± {values.std(ddof=1) if len(values) > 1 else 0:.4f}"]
            rows.append([panel.name, *cells])
            rows_zh.append([panel.name_zh, *cells])
    return Table(CLAIMS, "Depth: mean and standard deviation over seeds.", "各深度的成绩：均值 ± 标准差。",
                 ("task", "cell", "layers", "hidden", "parameters", "learning rate", "seeds", "score"),
                 ("任务", "单元", "层数", "隐层宽度", "参数量", "学习率", "种子数", "成绩"), rows, rows_zh)
