"""What clipping the gradient changes, by threshold, kind and learning rate, and where the lecture's 15 acts at all (D4, D5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from unrolled import drawing as figures
from unrolled import histories, results
from unrolled.analyses import chinese as in_chinese
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence
from unrolled.analyses.error_surface import COLOURS
from unrolled.settings import Settings, SettingsError, nearest

LECTURE = 15.0
TASKS = {"clipping": "adding", "character_clipping": "the character model"}  # of the sections, in the words of titles


@dataclasses.dataclass(frozen=True)
class Options:
    """What is looked at.

    Attributes:
        sections: of params.yaml whose runs are named <network>_<kind of clipping>.
        shown_rates: by section, the learning rate whose curves are drawn, or a network's own where it was trained at one alone.
        more_seeds: by section and run, the one that was recorded once at full scale with more seeds, by which claims are judged, or at
            more rates: its successes are shown.
        recorded: by section, further runs that were recorded once at full scale, whose successes are shown too.
    """

    sections: tuple[str, ...]
    shown_rates: tuple[float, ...]
    more_seeds: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    recorded: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.sections) != len(self.shown_rates):
            raise ValueError(f"shown_rates must give one rate per section, but there are {len(self.shown_rates)} for {len(self.sections)}.")
        trained.check_more_seeds(self.more_seeds, self.sections)
        trained.check_sections("recorded", self.recorded, self.sections)


class Clipped(NamedTuple):
    """A run, taken apart: which network, clipped how (as "none", "norm 1", "value 15"), and its record."""

    section: str
    run: str
    network: str
    kind: str
    record: Mapping[str, Any]


def clipped_runs(section: str, settings: Settings, more_seeds: Mapping[str, str] | None = None) -> list[Clipped]:
    """Return the runs of a section in order, with what their settings say of clipping; those of more seeds stand in for others."""
    more_seeds = more_seeds or {}
    runs = [name for name in trained.section_of(section, settings).runs if name not in more_seeds.values()]
    records = trained.judged_records(section, runs, more_seeds, settings)
    return [_clipped(section, name, records[name]) for name in runs]


def _recorded(options: Options, section: str, settings: Settings) -> Sequence[str]:
    """Return the names of a section's further runs.

    Raises:
        SettingsError: one is none that is recorded at full scale.
    """
    names, known = options.recorded.get(section, ()), trained.section_of(section, settings).elsewhere
    for name in names:
        if name not in known:
            raise SettingsError(f"analyses.clipping.recorded names {section}/{name}, which is no run of full scale{nearest(name, known)}")
    return names


def _clipped(section: str, run: str, record: Mapping[str, Any]) -> Clipped:
    """Take a run apart by what its record says of clipping; what follows that in its name is of its seeds or rates."""
    by, at = (record["settings"][key] for key in ("clip_by", "clip_at"))
    kind = "none" if by == "none" else f"{by} {at:g}"
    return Clipped(section, run, run.rpartition("_" + kind.replace(" ", "_").replace(".", "_"))[0] or run, kind, record)


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Count successes, measure how often thresholds are met, and draw both."""
    result = AnalysisResult()
    for section, rate in zip(options.sections, options.shown_rates, strict=True):
        runs = clipped_runs(section, settings, options.more_seeds.get(section))
        further = trained.records(section, _recorded(options, section, settings), settings)
        counted = [*runs, *(_clipped(section, run, record) for run, record in further.items())]
        for network in dict.fromkeys(run.network for run in runs):
            own = [run for run in counted if run.network == network]
            _where_it_acts(own, result)
        result.figures[f"success_{section}"] = _success_picture(section, counted)
        result.figures[f"norms_{section}"] = _norms_picture(section, runs)
        result.figures[f"curves_{section}"] = _curves_picture(section, runs, rate)
    return result


def _where_it_acts(runs: Sequence[Clipped], result: AnalysisResult) -> None:
    """Measure how often gradients exceed 15 where nothing clips them, and say what that threshold changed."""
    kinds = {run.kind: run for run in runs}
    unclipped, shares = kinds.get("none", runs[0]), {}
    for by, column in (("norm", "gradient_norm"), ("value", "gradient_largest")):
        shares[by] = share_above(unclipped, column)
        result.values[f"above_15_{by}_{unclipped.section}_{unclipped.network}"] = shares[by]
    section, network = unclipped.section, unclipped.network
    shared = shared_rates(runs)
    successes = {kind: _successes(run, shared) for kind, run in kinds.items()}
    counts = "; ".join(f"{kind}: {count}" for kind, count in successes.items())
    counts_zh = "；".join(f"{in_chinese.clipping(kind)}：{count}" for kind, count in successes.items())
    rates = ", ".join(f"{rate:g}" for rate in shared)
    exceed = [f"{100 * shares[by]:.2g} %" for by in ("norm", "value")]
    met = (("the threshold is met", "会触及阈值") if max(shares.values()) > 0.001
           else ("the threshold is hardly ever met", "几乎从不触及阈值"))
    result.sentences.append(Sentence(
        ["D4", "D5"],
        f"The lecture's 15, {network} on {TASKS.get(section, section)}: in training without clipping the norm exceeds 15 in {exceed[0]} of "
        f"the recorded windows, a single component in {exceed[1]}; {met[0]}. Successes by clipping, at the rates that all were trained at "
        f"({rates}): {counts}.",
        f"课上的 15，{in_chinese.section(section)}任务上的 {network}：不裁剪训练时，范数超过 15 的窗口占 {exceed[0]}，"
        f"单个分量超过它的占 {exceed[1]}，{met[1]}。"
        f"各种裁剪在共有学习率（{rates.replace(', ', '、')}）上的成功次数：{counts_zh}。"))


def shared_rates(runs: Sequence[Clipped]) -> list[float]:
    """Return the learning rates at which all of these runs were trained: only there can their successes be compared."""
    return sorted(set.intersection(*({member["learning_rate"] for member in run.record["members"]} for run in runs)))


def share_above(run: Clipped, column: str, threshold: float = LECTURE) -> float:
    """Return the share of recorded windows in which the largest norm, or component, exceeded the threshold; not finite exceeds it."""
    values = np.concatenate([curve.values.ravel() for curve in _column(run, column)])
    return float((values[~np.isnan(values)] > threshold).mean())


def _column(run: Clipped, column: str) -> list[histories.Curve]:
    """Return the curves of a column at every rate; a window in which it was not finite holds infinity, one never reached is NaN."""
    rows = results.read_csv(results.history_file(run.section, run.run))
    marked = [{**row, column: row[column] or "inf"} for row in rows]
    return list(histories.curves(marked, column).values())


def _successes(run: Clipped, rates: Sequence[float]) -> str:
    """Return successes of how many, at some learning rates."""
    values = np.concatenate([trained.scores_of(run.record, "success", rate) for rate in rates] or [np.empty(0)])
    return f"{int(values.sum())}/{len(values)}"


@figures.styled
def _success_picture(section: str, runs: Sequence[Clipped]) -> Picture:
    """Draw a table of successes per network: kinds of clipping down, learning rates across."""
    networks = list(dict.fromkeys(run.network for run in runs))
    most = max(sum(run.network == network for run in runs) for network in networks)
    figure, axes = figures.panels(len(networks), width=1.2 + 2.0 * len(networks), height=1.1 + 0.27 * most, squeeze=False)
    for panel, network in zip(axes[0], networks, strict=True):
        own = [run for run in runs if run.network == network]
        rates = sorted({member["learning_rate"] for run in own for member in run.record["members"]})
        for row, run in enumerate(own):
            present = {member["learning_rate"] for member in run.record["members"]}
            for column, rate in enumerate(rates):
                if rate in present:
                    _cell(panel, column, row, _successes(run, [rate]))
        panel.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        panel.set_yticks(range(len(own)), [run.kind for run in own])
        panel.set(xlim=(-0.5, len(rates) - 0.5), ylim=(most - 0.5, -0.5), xlabel="learning rate", title=network)
    axes[0, 0].set_ylabel("clipping")
    names = trained.recorded_names({run.run: run.record for run in runs})
    more = f" Recorded once at full scale: {', '.join(names)}." if names else ""
    more_zh = f"其中 {'、'.join(names)} 只在 full 规模下训练过一次。" if names else ""
    return Picture(figure, ["D5", "D4"], f"Successes by clipping and learning rate: {TASKS.get(section, section)}.",
                   f"各种裁剪与学习率下的成功次数：{in_chinese.section(section)}任务。",
                   "Successful seeds of all seeds; darker is more. Clipping by norm shortens the whole gradient, by value each component."
                   f"{more}",
                   f"成功的种子数/总数，颜色越深越多。“范数”按整个梯度的范数裁剪，“逐元素”对每个分量分别裁剪。{more_zh}")


def _cell(panel: Axes, column: int, row: int, text: str) -> None:
    """Write k/n into a square coloured by the share."""
    count, size = (int(part) for part in text.split("/"))
    share = count / size
    panel.add_patch(figures.rectangle(column - 0.48, row - 0.48, 0.96, 0.96, figures.shade(share)))
    panel.annotate(text, (column, row), ha="center", va="center", color="white" if share > 0.55 else figures.BLACK, fontsize=8)


@figures.styled
def _norms_picture(section: str, runs: Sequence[Clipped]) -> Picture:
    """Draw the distribution of gradient norms of each unclipped network, all rates together, and the thresholds."""
    figure, axes = figures.panels(height=2.9)
    unclipped = [run for run in runs if run.kind == "none"]
    for place, run in enumerate(unclipped):
        norms = np.concatenate([curve.values.ravel() for curve in _column(run, "gradient_norm")])
        norms = np.log10(np.clip(norms[~np.isnan(norms)], 1e-4, 1e8))
        axes.hist(norms, bins=np.linspace(-4, 8, 73), weights=np.full(len(norms), 1 / len(norms)), histtype="step", linewidth=1.5,
                  color=figures.colour(place), label=run.network)
    for threshold in sorted({float(run.kind.partition(" ")[2]) for run in runs if run.kind != "none"}):
        axes.axvline(np.log10(threshold), color=figures.GREY, linestyle=":", linewidth=1)
        axes.annotate(f"{threshold:g}", (np.log10(threshold), axes.get_ylim()[1]), color=figures.GREY, fontsize=7, ha="center", va="bottom")
    ticks = range(-4, 9, 2)
    axes.set_xticks(ticks, [f"$10^{{{tick}}}$" for tick in ticks])
    axes.set(xlabel="gradient norm (largest of a recorded window)", ylabel="share of windows")
    axes.legend(title="unclipped")
    return Picture(figure, ["D5", "D4"], f"Gradient norms without clipping: {TASKS.get(section, section)}.",
                   f"不裁剪时的梯度范数：{in_chinese.section(section)}任务。",
                   "All seeds and rates together; the dotted lines are the thresholds. What is larger than 1e8 or not finite stands at the "
                   "right end.", "所有种子与学习率合在一起；虚线为各阈值。大于 1e8 或非有限的值画在最右端。")


@figures.styled
def _curves_picture(section: str, runs: Sequence[Clipped], rate: float) -> Picture:
    """Draw each network's median loss at one rate, or the only one it was trained at; one line per kind of clipping."""
    networks = list(dict.fromkeys(run.network for run in runs))
    figure, axes = figures.panels(len(networks), width=1.6 + 2.0 * len(networks), height=2.8, squeeze=False, sharey=True)
    for panel, network in zip(axes[0], networks, strict=True):
        own = [run for run in runs if run.network == network]
        curves = {run.kind: histories.load(section, run.run) for run in own}  # of this scale's training, whose rates may be fewer
        shared = sorted(set.intersection(*map(set, curves.values())))
        at = rate if rate in shared or not shared else shared[0]
        for run in own:
            curve = curves[run.kind].get(at)
            if curve is not None:
                shown = np.isfinite(curve.values).any(0)
                median = np.nanmedian(np.where(np.isfinite(curve.values), curve.values, 1e3)[:, shown], 0)
                panel.plot(curve.steps[shown], np.clip(median, None, 1e3), color=_colour(run.kind), linewidth=1.1,
                           label=run.kind, linestyle="--" if run.kind.startswith("value") else "-")
        panel.set(yscale="log", title=f"{network}, rate {at:g}", xlabel="updates")
    axes[0, 0].set_ylabel("training loss")
    handles = {label: handle for panel in axes[0] for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", title="clipping")
    return Picture(figure, ["D5"], f"Learning curves by clipping: {TASKS.get(section, section)}.",
                   f"不同裁剪下的学习曲线：{in_chinese.section(section)}任务。",
                   "Median over seeds; a seed that diverged counts as very large.", "各种子的中位数；发散的种子按极大值计。")


def _colour(kind: str) -> str:
    """Return the colour of a kind of clipping: of its threshold, by norm and by value alike."""
    return COLOURS.get(kind.replace("value", "norm").replace(" ", "_"), figures.PURPLE)
