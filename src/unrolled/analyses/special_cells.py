"""Special cells where they are said to shine: peepholes at timing, Clockwork at generating, SCRN at slow context (C5, E6, E7)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from unrolled import drawing as figures
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture
from unrolled.analyses.success_by_length import interval
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
                    note=" Long: delays of 30 to 50 steps; longer: of 60 to 80; the others, at the default scale: of 5 to 20.",
                    note_zh="long 表示延迟为 30 至 50 步，longer 为 60 至 80 步，其余在默认规模下为 5 至 20 步。"),
    "sequence_generation": Panel("E6", "Generating a sequence without input", "无输入生成序列", "normalised_error",
                                 "normalised squared error", (("Clockwork, published", 0.1125), ("plain, published", 0.2454))),
    "character_model": Panel("E7", "Characters of Shakespeare", "莎士比亚字符模型", "bits_per_character", "bits per character"),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """What is drawn.

    Attributes:
        timing, sequence_generation, character_model: the runs of these sections that are compared, in order.
        adding: runs whose successes are compared.
        more_seeds: by section and run, the one that was recorded once at full scale, by which claims are judged: it is drawn instead.
    """

    timing: tuple[str, ...]
    sequence_generation: tuple[str, ...]
    character_model: tuple[str, ...]
    adding: tuple[str, ...] = ()
    more_seeds: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        trained.check_more_seeds(self.more_seeds, [*PANELS, "adding"])


Records = Mapping[str, Mapping[str, Any]]


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Draw each comparison, every seed a dot, the published figure as a line; and successes on adding."""
    result = AnalysisResult()
    for section, panel in PANELS.items():
        records = trained.judged_records(section, getattr(options, section), options.more_seeds.get(section, {}), settings)
        result.figures[section] = _picture(panel, records)
    if options.adding:
        records = trained.judged_records("adding", options.adding, options.more_seeds.get("adding", {}), settings)
        result.figures["adding"] = _successes_picture(records)
    return result


@figures.styled
def _picture(panel: Panel, records: Records) -> Picture:
    """Draw a row per run, named with its number of parameters."""
    groups = {f"{record['run']} ({record['parameters']})": trained.scores_of(record, panel.metric) for record in records.values()}
    figure, axes = figures.panels(height=0.9 + 0.3 * len(groups))
    figures.dots(axes, groups)
    for place, (name, value) in enumerate(panel.published):
        axes.axvline(value, color=figures.GREY, linestyle=("--", ":")[place % 2], linewidth=1, label=name)
    axes.set(xlabel=f"{panel.label}, one dot per seed", title=panel.title)
    if panel.published:
        handles, labels = axes.get_legend_handles_labels()
        chosen = [place for place, label in enumerate(labels) if label.endswith("published")]
        figure.legend([handles[place] for place in chosen], [labels[place] for place in chosen], loc="outside right upper")
    more, more_zh = trained.on_more_seeds(records)
    return Picture(figure, [panel.claim], f"{panel.title}: every seed.", f"{panel.title_zh}：每个种子。",
                   f"In brackets the number of parameters that take part; each run at its own tuned rate.{panel.note}{more}",
                   f"括号内为实际参与的参数量；各用自己调好的学习率。{panel.note_zh}{more_zh}")


@figures.styled
def _successes_picture(records: Records) -> Picture:
    """Draw the rate of success of runs on adding, a row each, with its exact interval."""
    figure, axes = figures.panels(height=0.9 + 0.3 * len(records))
    names = []
    for place, (run, record) in enumerate(records.items()):
        length, values = record["settings"]["length"], trained.scores_of(record, "success")
        low, high = interval(int(values.sum()), len(values))
        axes.plot([low, high], [place, place], color=figures.GREY, linewidth=1.2)
        axes.plot(values.mean(), place, "o", color=figures.colour(place), markersize=6)
        axes.annotate(f"{int(values.sum())}/{len(values)}", (1.05, place), va="center", annotation_clip=False, fontsize=8)
        names.append(f"{run.removesuffix(f'_{length}')}, T = {length} ({record['parameters']})")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(-0.03, 1.03), ylim=(len(names) - 0.5, -0.5), xlabel="rate of success", title="Adding: who still learns")
    more, more_zh = trained.on_more_seeds(records)
    return Picture(figure, ["E6"], "Clockwork and the plain network on adding.", "加法任务上的 Clockwork 与普通网络。",
                   "Seeds that solved the task, with Clopper and Pearson's exact 95 % intervals; T is the length. “matched”: as many "
                   f"parameters as the plain network. In brackets the number of parameters that take part.{more}",
                   "解出任务的种子数/总数与 Clopper–Pearson 精确 95 % 区间；T 为序列长度。matched 表示参数量与普通网络相等；"
                   f"括号内为实际参与的参数量。{more_zh}")
