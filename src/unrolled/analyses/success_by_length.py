"""Who still learns at which length: successes of all cells on adding and temporal order, with exact intervals (C5, E1, E3 to E8)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import binomtest

from unrolled import drawing as figures
from unrolled.analyses import chinese as in_chinese
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence, Table
from unrolled.settings import Settings

CLAIMS = ["E1", "E3", "E4", "E5", "E7", "E8", "C5", "E6", "D6"]
Counts = dict[str, dict[int, tuple[int, int]]]  # cell -> length -> successes, seeds


@dataclasses.dataclass(frozen=True)
class Options:
    """What is drawn.

    Attributes:
        sections: of params.yaml, one panel each.
        lines: cells whose rate of success is drawn against the length, with intervals.
        more_seeds: by section and run, the one that was recorded once at full scale, by which claims are judged: it is counted instead.
    """

    sections: tuple[str, ...] = ("adding", "temporal_order")
    lines: tuple[str, ...] = ("tanh", "irnn", "lstm", "gru", "scrn")
    more_seeds: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.sections:
            raise ValueError("sections is empty; name at least one, of which a panel is drawn.")
        trained.check_more_seeds(self.more_seeds, self.sections)


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Count successes by cell and length, and draw them as a map, as lines and as a table."""
    result, counts = AnalysisResult(), {}
    for name in options.sections:
        more_seeds = options.more_seeds.get(name, {})
        section = trained.section_of(name, settings)
        runs = [run for run in (*section.runs, *section.elsewhere) if run not in more_seeds.values()]
        records = trained.judged_records(name, runs, more_seeds, settings)
        counts[name] = count(records)
        result.tables[f"success_{name}"] = _table(name, counts[name], records)
        result.sentences.append(_sentence(name, counts[name]))
    result.figures["map"] = _map_picture(counts)
    result.figures["lines"] = _lines_picture(counts, options)
    return result


def count(records: Mapping[str, Mapping[str, Any]]) -> Counts:
    """Return successes and seeds by cell, that is the run's name without its length, and by length."""
    found: Counts = {}
    for name, record in records.items():
        length = int(record["settings"]["length"])
        values = trained.scores_of(record, "success")
        found.setdefault(name.removesuffix(f"_{length}"), {})[length] = int(values.sum()), len(values)
    return {cell: dict(sorted(lengths.items())) for cell, lengths in found.items()}


def longest(counts: Mapping[str, Mapping[int, tuple[int, int]]]) -> dict[int, list[str]]:
    """Return cells by the longest length that at least half of their seeds solve, 0 if there is none, the longest first.

    Cells that were trained at fewer lengths than most are left out: how far they would come is not known.
    """
    most, found = max(len(by_length) for by_length in counts.values()), {}
    for cell, by_length in counts.items():
        if 2 * len(by_length) > most:
            solved = [length for length, (successes, of) in by_length.items() if 2 * successes >= of]
            found.setdefault(max(solved, default=0), []).append(cell)
    return dict(sorted(found.items(), reverse=True))


def _sentence(name: str, counts: Mapping[str, Mapping[int, tuple[int, int]]]) -> Sentence:
    """Say how far each cell comes."""
    groups = longest(counts)
    english = "; ".join(f"{length or 'none'}: {', '.join(cells)}" for length, cells in groups.items())
    chinese = "；".join(f"{length or '无'}：{'、'.join(cells)}" for length, cells in groups.items())
    return Sentence(["E1", "E4"], f"The longest length of {name.replace('_', ' ')} that at least half of the seeds solve. {english}.",
                    f"{in_chinese.section(name)}任务中，至少一半种子能解出的最大长度。{chinese}。")


def interval(successes: int, of: int) -> tuple[float, float]:
    """Return Clopper and Pearson's exact 95 % interval of a rate."""
    low, high = binomtest(successes, of).proportion_ci(method="exact")
    return float(low), float(high)


def _table(name: str, counts: Counts, records: Mapping[str, Mapping[str, Any]]) -> Table:
    lengths = sorted({length for by_length in counts.values() for length in by_length})
    rows = []
    for cell, by_length in counts.items():
        cells = ["–" if length not in by_length else "{}/{} [{:.2f},\u00a0{:.2f}]".format(*by_length[length], *interval(*by_length[length]))
                 for length in lengths]
        record = records.get(cell) or records[f"{cell}_{next(iter(by_length))}"]
        rows.append([cell, str(record["settings"]["hidden"]), str(record["parameters"]), *cells])
    return Table(["E1"], f"Successes on {name} by length, with exact 95 % intervals",
                 f"{in_chinese.section(name)}：各长度的成功次数与精确 95 % 置信区间",
                 ["run", "hidden", "parameters", *(f"T = {length}" for length in lengths)],
                 ["运行", "隐层", "参数", *(f"T = {length}" for length in lengths)], rows, rows)


@figures.styled
def _map_picture(counts: Mapping[str, Counts]) -> Picture:
    """Draw a map per task: cells down, lengths across, the darker the more seeds succeed."""
    most = max(len(found) for found in counts.values())
    figure, axes = figures.panels(len(counts), width=8.2, height=0.9 + 0.21 * most, squeeze=False)
    for panel, (name, found) in zip(axes[0], counts.items(), strict=True):
        lengths = sorted({length for by_length in found.values() for length in by_length})
        for row, by_length in enumerate(found.values()):
            for length, (successes, of) in by_length.items():
                column, share = lengths.index(length), successes / of
                panel.add_patch(figures.rectangle(column - 0.48, row - 0.46, 0.96, 0.92, figures.shade(share)))
                panel.annotate(f"{successes}/{of}", (column, row), ha="center", va="center", fontsize=7.5,
                               color="white" if share > 0.55 else figures.BLACK)
        panel.set_xticks(range(len(lengths)), [str(length) for length in lengths])
        panel.set_yticks(range(len(found)), list(found))
        panel.set(xlim=(-0.5, len(lengths) - 0.5), ylim=(len(found) - 0.5, -0.5), xlabel="length", title=name.replace("_", " "))
        panel.tick_params(length=0)
    return Picture(figure, CLAIMS, "Who still learns at which length.", "谁在多长的序列上还学得会。",
                   "Seeds that solved the task of all seeds, each run at its own tuned rate and with the same number of updates. What the "
                   "default scale leaves out (lengths, equal parameters) was recorded once at full scale; so were more seeds, by which "
                   "claims are judged, and which then stand here. “matched”, “as_lstm”: as many parameters as the LSTM, but "
                   "clockwork_matched as the tanh network; tanh_as_scrn: as many as the SCRN.",
                   "解出任务的种子数/总数；各运行用自己调好的学习率，更新次数相同。默认规模不训练的（某些长度、等参数量的网络）"
                   "在 full 规模下一次性训练并记录；判定所依据的更多种子也是这样得来的，有则画这些种子。"
                   "matched 与 as_lstm 表示参数量与 LSTM 相等，但 clockwork_matched 是与 tanh 网络相等；"
                   "tanh_as_scrn 的参数量与 SCRN 相等。")


@figures.styled
def _lines_picture(counts: Mapping[str, Counts], options: Options) -> Picture:
    """Draw the rate of success by length with exact intervals, for a few cells."""
    figure, axes = figures.panels(len(counts), width=8.2, height=2.9, squeeze=False, sharey=True)
    for panel, (name, found) in zip(axes[0], counts.items(), strict=True):
        for place, cell in enumerate(cell for cell in options.lines if cell in found):
            lengths = np.array(list(found[cell])) * 1.03 ** (place - 2)
            rates = np.array([successes / of for successes, of in found[cell].values()])
            ends = np.array([interval(*pair) for pair in found[cell].values()])
            panel.errorbar(lengths, rates, np.abs(ends.T - rates), marker="o", markersize=4, capsize=2, linewidth=1.3, elinewidth=0.8,
                           color=figures.colour(place), label=cell)
        ticks = sorted({length for by_length in found.values() for length in by_length})
        panel.set(xscale="log", xlabel="length", title=name.replace("_", " "), ylim=(-0.04, 1.04))
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
    axes[0, 0].set_ylabel("rate of success")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return Picture(figure, ["E1", "E5", "E8"], "Rate of success by length.", "各长度的成功率。",
                   "Bars: Clopper and Pearson's exact 95 % intervals.", "误差线：Clopper–Pearson 精确 95 % 区间。")
