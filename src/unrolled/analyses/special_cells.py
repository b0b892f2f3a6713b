"""Special cells where they are said to shine: peepholes at timing, Clockwork at generating, SCRN at slow context (C5, E6, E7)."""

from __future__ import annotations

import dataclasses

import numpy as np

from unrolled import drawing as figures
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture
from unrolled.settings import Settings


@dataclasses.dataclass(frozen=True)
class Panel:
    """One comparison: by which metric, on which claim's card, what was published for a like task, and what else is to be said."""

    claim: str
    title: str
    title_zh: str
    metric: str
    label: str
    published: tuple[tuple[str, float], ...] = ()
    note: str = ""
    note_zh: str = ""


PANELS = {
    "timing": Panel("C5", "A spike at the right step", "在正确的一步发放脉冲", "accuracy", "share of spikes exactly on time",
                    note=" Long: delays of 30 to 50 steps; longer: of 60 to 80; the others: of 5 to 20.",
                    note_zh="long 表示延迟为 30 至 50 步，longer 为 60 至 80 步，其余为 5 至 20 步。"),
    "sequence_generation": Panel("E6", "Generating a sequence without input", "无输入生成序列", "normalised_error",
                                 "normalised squared error", (("Clockwork, published", 0.1125), ("plain, published", 0.2454))),
    "character_model": Panel("E7", "Characters of Shakespeare", "莎士比亚字符模型", "bits_per_character", "bits per character"),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """What is drawn.

    Attributes:
        timing, sequence_generation, character_model: the runs of these sections that are compared, in order.
    """

    timing: tuple[str, ...]
    sequence_generation: tuple[str, ...]
    character_model: tuple[str, ...]


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Draw each comparison, every seed a dot, the published figure as a line."""
    result = AnalysisResult()
    for section, panel in PANELS.items():
        records = trained.records(section, getattr(options, section), settings)
        groups = {f"{run} ({record['parameters']})": trained.scores_of(record, panel.metric) for run, record in records.items()}
        result.figures[section] = _picture(panel, groups)
    return result


@figures.styled
def _picture(panel: Panel, groups: dict[str, np.ndarray]) -> Picture:
    """Draw a row per run, named with its number of parameters."""
    figure, axes = figures.panels(height=0.9 + 0.3 * len(groups))
    figures.dots(axes, groups)
    for place, (name, value) in enumerate(panel.published):
        axes.axvline(value, color=figures.GREY, linestyle=("--", ":")[place % 2], linewidth=1, label=name)
    axes.set(xlabel=f"{panel.label}, one dot per seed", title=panel.title)
    if panel.published:
        handles, labels = axes.get_legend_handles_labels()
        chosen = [place for place, label in enumerate(labels) if label.endswith("published")]
        figure.legend([handles[place] for place in chosen], [labels[place] for place in chosen], loc="outside right upper")
    return Picture(figure, [panel.claim], f"{panel.title}: every seed.", f"{panel.title_zh}：每个种子。",
                   f"In brackets the number of parameters that take part; each run at its own tuned rate.{panel.note}",
                   f"括号内为实际参与的参数量；各用自己调好的学习率。{panel.note_zh}")
