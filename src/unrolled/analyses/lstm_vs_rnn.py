"""LSTM against the plain network: one page of evidence at equal updates, equal width and equal parameters (E1, D2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from unrolled import drawing as figures
from unrolled import histories, significance
from unrolled.analyses import gradient_flow, learning_curves_piece, roughness, surfaces, trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence, Table, read_options
from unrolled.analyses.lags import fit
from unrolled.analyses.success_by_length import interval
from unrolled.settings import Settings, analysis_section

PLAIN, MATCHED, LSTM = figures.VERMILION, figures.ORANGE, figures.BLUE
UNTRAINED = ("tanh", "lstm_1")  # cells of gradient_flow
LEVEL = 0.05
Samples = tuple[np.ndarray, np.ndarray]  # plain network, LSTM


class Measure(NamedTuple):
    """A line of the table.

    Attributes:
        name, name_zh: what is measured; {T} is the runs' length.
        plain, lstm: runs ("section/run") of the two, of this scale or recorded once at full scale.
        metric: of their members. sign: 1 where higher is better, else -1.
    """

    name: str
    name_zh: str
    plain: str
    lstm: str
    metric: str
    sign: int


MEASURES = (
    Measure("adding, T = {T}: solved", "加法 T = {T}：解出", "adding/tanh_10", "adding/lstm_10", "success", 1),
    Measure("adding, T = {T}: solved", "加法 T = {T}：解出", "adding/tanh_20", "adding/lstm_20", "success", 1),
    Measure("adding, T = {T}: solved", "加法 T = {T}：解出", "adding/tanh", "adding/lstm", "success", 1),
    Measure("the same, equal parameters", "同上，参数量相等", "adding/tanh_matched", "adding/lstm", "success", 1),
    Measure("the same, plain network with identity start and ReLU", "同上，普通网络用单位矩阵初始化与 ReLU",
            "adding/irnn", "adding/lstm", "success", 1),
    Measure("temporal order, T = {T}: accuracy", "时间次序 T = {T}：准确率",
            "temporal_order/tanh_20", "temporal_order/lstm_20", "accuracy", 1),
    Measure("temporal order, T = {T}: accuracy", "时间次序 T = {T}：准确率", "temporal_order/tanh", "temporal_order/lstm", "accuracy", 1),
    Measure("temporal order, T = {T}: solved (recorded)", "时间次序 T = {T}：解出（存档运行）",
            "temporal_order/tanh_200_seeds", "temporal_order/lstm_200_seeds", "success", 1),
    Measure("temporal order, T = {T}, orthogonal start: solved (recorded)", "时间次序 T = {T}，正交初始化：解出（存档运行）",
            "temporal_order/orthogonal_60", "temporal_order/lstm_200_seeds", "success", 1),
    Measure("digits 8x8: accuracy", "手写数字 8x8：准确率", "small_digits/tanh", "small_digits/lstm", "accuracy", 1),
    Measure("the same, equal parameters", "同上，参数量相等", "small_digits/tanh_matched", "small_digits/lstm", "accuracy", 1),
    Measure("digits 14x14: accuracy", "手写数字 14x14：准确率", "digits/tanh", "digits/lstm", "accuracy", 1),
    Measure("characters: bits, rate tuned", "字符：比特数，学习率已调",
            "character_model/tanh", "character_model/lstm", "bits_per_character", -1),
    Measure("the same, orthogonal start", "同上，正交初始化",
            "character_model/orthogonal", "character_model/lstm", "bits_per_character", -1),
)


@dataclasses.dataclass(frozen=True)
class Options:
    """What is shown beside the table.

    Attributes:
        curves: runs whose learning curves are drawn: plain, plain of equal parameters, LSTM.
        character_curves: the same for characters, plain and LSTM.
        measured: the sections gradient_flow, surfaces and roughness of `analyses`, as they stand there: what is judged is shown.
    """

    measured: Mapping[str, Any]
    curves: tuple[str, ...] = ("adding/tanh", "adding/tanh_matched", "adding/lstm")
    character_curves: tuple[str, ...] = ("character_model/tanh", "character_model/lstm")

    def __post_init__(self) -> None:
        if missing := {"gradient_flow", "surfaces", "roughness"} - set(self.measured):
            raise ValueError(f"measured lacks {', '.join(sorted(missing))}; give each as a section of `analyses`.")
        for name, section in self.measured.items():
            if not isinstance(section, Mapping):
                raise ValueError(f"measured.{name} must be a mapping, as a section of `analyses` is, but is {section!r}.")
        cells = self.measured["gradient_flow"].get("cells")
        if isinstance(cells, Mapping) and not cells.keys() >= set(UNTRAINED):
            raise ValueError(f"measured.gradient_flow.cells must hold {' and '.join(UNTRAINED)}, which are drawn, but holds "
                             f"{', '.join(map(str, cells)) or 'none'}.")
        if len(self.curves) != 3 or len(self.character_curves) != 2:
            raise ValueError(f"curves must name three runs and character_curves two, but they are {list(self.curves)} and "
                             f"{list(self.character_curves)}.")


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Compare the two on everything that was trained or measured, and draw one page."""
    mechanisms, norms, shares = _mechanisms(options, settings)
    rough = _options_of("roughness", roughness.Options, options, settings)
    compared = (_compared(measure, settings) for measure in MEASURES)
    rows = [*(row for row in compared if row), *_clipping(), *mechanisms, _parameters(options)]
    return AnalysisResult(tables={"comparison": _table(rows)}, figures={"page": _page(options, norms, shares, rough, settings)},
                          sentences=[_sentence(rows)], pieces={"learning_curves": learning_curves_piece.piece()})


def _clipping() -> list[Row]:
    """Return successes without clipping at every rate of the character model, where a network that needs it fails."""
    rows = []
    plain, lstm = (trained.record(f"character_rates/{name}") for name in ("tanh", "lstm"))
    for rate in sorted({member["learning_rate"] for member in plain["members"]}):
        samples = tuple(trained.scores_of(record, "success", rate=rate) for record in (plain, lstm))
        rows.append((f"characters without clipping, rate {rate:g}: trained", f"字符，不裁剪，学习率 {rate:g}：训练成功",
                     *(_shown(values, True) for values in samples), better(*samples, 1, True)))
    return rows


Row = tuple[str, str, str, str, int]  # name in both languages, plain, LSTM, and which is better: -1, 0, 1


def _compared(measure: Measure, settings: Settings) -> Row | None:
    """Return a line, None where one of its runs could have been recorded but was not."""
    pair = [name.split("/") for name in (measure.plain, measure.lstm)]
    records = [found for section, run in pair for found in trained.records(section, [run], settings).values()]
    if len(records) < len(pair):
        return None
    plain, lstm = (trained.scores_of(record, measure.metric) for record in records)
    counted, length = measure.metric == "success", records[0]["settings"].get("length")
    return (measure.name.format(T=length), measure.name_zh.format(T=length), _shown(plain, counted), _shown(lstm, counted),
            better(plain, lstm, measure.sign, counted))


def _parameters(options: Options) -> Row:
    """Return the numbers of parameters at equal width."""
    plain, _, lstm = (trained.record(name) for name in options.curves)
    counts = plain["parameters"], lstm["parameters"]
    hidden, better_one = plain["settings"]["hidden"], 1 if counts[1] < counts[0] else -1
    return f"parameters at {hidden} units", f"{hidden} 个单元的参数量", *(str(count) for count in counts), better_one


def better(plain: np.ndarray, lstm: np.ndarray, sign: int, counted: bool) -> int:
    """Return 1 if LSTM is better, -1 if the plain network is, 0 if a two-sided test at 5 % cannot tell."""
    if counted:
        test = significance.compare_counts(int(lstm.sum()), len(lstm), int(plain.sum()), len(plain), 0.0)
    elif min(len(plain), len(lstm)) < 2:
        return 0
    else:
        test = significance.compare(sign * lstm, sign * plain, 0.0)
    return int(test.p_for < LEVEL / 2) - int(test.p_against < LEVEL / 2)


def _shown(values: np.ndarray, counted: bool) -> str:
    return f"{int(values.sum())}/{len(values)}" if counted else f"{values.mean():.3g} ± {values.std(ddof=1):.2g}"


def _mechanisms(options: Options, settings: Settings) -> tuple[list[Row], Samples, dict[str, Samples]]:
    """Return what lies beneath as rows; gradient norms by lag; and the flat and steep shares of the surfaces by their name."""
    flow = _options_of("gradient_flow", gradient_flow.Options, options, settings)
    norms = tuple(gradient_flow.untrained(flow.cells[name], flow).norms for name in UNTRAINED)
    factors = tuple(fit(part, flow.first_lag).factor for part in norms)
    rows = [_row("gradient kept per step at the start", "初始化时每步保留的梯度", factors, 1)]
    planes = _options_of("surfaces", surfaces.Options, options, settings)
    shares = {}
    for problem, chinese in (("pascanu", "Pascanu 曲面"), ("latch", "锁存曲面")):
        found = [surfaces.window_statistics(network, problem, planes) for network in ("rnn", "lstm_1")]
        for kind, kind_zh in (("flat", "平坦"), ("steep", "陡峭")):
            samples = tuple(np.asarray(statistic[kind]) for statistic in found)
            rows.append(_row(f"{kind} share of the surface, {problem}", f"{chinese}的{kind_zh}占比", samples, -1))
            shares[f"{kind}, {problem}"] = samples
    return rows, norms, shares


def _options_of(name: str, cls: type[Any], options: Options, settings: Settings) -> Any:
    """Return the options of another analysis, with which this page shows what is judged."""
    section = analysis_section(name, options.measured[name], settings.scale, settings.seed_offset)
    return read_options(cls, section.options, f"analyses.lstm_vs_rnn.measured.{name}")


def _row(name: str, name_zh: str, samples: Samples, sign: int) -> Row:
    return name, name_zh, _shown(samples[0], False), _shown(samples[1], False), better(*samples, sign, False)


def _table(rows: Sequence[Row]) -> Table:
    """Put the rows into words: which of the two is better, or that nothing tells them apart."""
    english, chinese = {1: "LSTM", -1: "plain", 0: "–"}, {1: "LSTM", -1: "普通网络", 0: "–"}
    return Table(["E1", "D2"], "LSTM against the plain network", "LSTM 与普通循环网络的比较",
                 ["measure", "plain network", "LSTM", "better"], ["指标", "普通网络", "LSTM", "更好"],
                 [[name, plain, lstm, english[sign]] for name, _, plain, lstm, sign in rows],
                 [[name, plain, lstm, chinese[sign]] for _, name, plain, lstm, sign in rows])


def _sentence(rows: Sequence[Row]) -> Sentence:
    """Name where the plain network wins."""
    won = [row for row in rows if row[-1] < 0]
    count = sum(row[-1] > 0 for row in rows)
    english = "; ".join(row[0] for row in won) or "nowhere"
    chinese = "；".join(row[1] for row in won) or "无"
    return Sentence(["E1"], f"Of {len(rows)} comparisons LSTM wins {count} and the plain network {len(won)}: {english}. What an update "
                    "of each costs in time is measured by `make bench` (benchmarks/RESULTS.md).",
                    f"在 {len(rows)} 项比较中 LSTM 胜 {count} 项，普通网络胜 {len(won)} 项：{chinese}。"
                    "每次更新各需多少时间由 `make bench` 测量（见 benchmarks/RESULTS.md）。")


@figures.styled
def _page(options: Options, norms: Samples, shares: Mapping[str, Samples], rough: roughness.Options, settings: Settings) -> Picture:
    """Draw the page: success, two sets of learning curves, gradient by lag, surfaces and roughness."""
    figure, axes = figures.panels(3, 2, width=9.2, height=5.6)
    _success(axes[0, 0], settings)
    length = trained.record(options.curves[0])["settings"]["length"]
    _curves(axes[0, 1], options.curves, (PLAIN, MATCHED, LSTM), f"Adding, T = {length}", "training loss")
    _curves(axes[0, 2], options.character_curves, (PLAIN, LSTM), "Characters, tuned rates", "nats per character")
    for samples, colour, name in zip(norms, (PLAIN, LSTM), ("plain (tanh)", "LSTM, bias 1"), strict=True):
        figures.band(axes[1, 0], np.arange(samples.shape[1]), samples / samples[:, :1], colour, name)
    axes[1, 0].set(yscale="log", xlabel="lag", ylabel="gradient, lag 0 = 1", title="Gradient by lag, untrained")
    _shares(axes[1, 1], shares)
    _roughness(axes[1, 2], rough)
    handles, _ = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, ["plain (tanh)", "plain, equal parameters", "LSTM"], loc="outside lower center", ncols=3)
    return Picture(figure, ["E1", "D2"], "LSTM against the plain network.", "LSTM 与普通循环网络。",
                   "Bars are exact 95 % intervals, shades the range over seeds, small dots seeds or windows. A seed that has solved its "
                   "task stops, and its last loss is carried on.",
                   "误差线为精确 95 % 区间，阴影为各种子的范围，小点为种子或窗口。已解出任务的种子停止训练，此后沿用其最后的损失。")


def _success(axes: Axes, settings: Settings) -> None:
    """Draw successes on adding by length with exact intervals."""
    section = trained.section_of("adding", settings)
    for name, colour, shift in (("tanh", PLAIN, 0.97), ("lstm", LSTM, 1.03)):
        runs = [f"{name}{suffix}" for suffix in ("_10", "_20", "_30", "", "_100", "_200")]
        records = trained.records("adding", [run for run in runs if run in {*section.runs, *section.elsewhere}], settings).values()
        lengths = [record["settings"]["length"] for record in records]
        successes = [trained.scores_of(record, "success") for record in records]
        counts = [(int(values.sum()), len(values)) for values in successes]
        rates, ends = np.array([k / n for k, n in counts]), np.array([interval(*pair) for pair in counts])
        axes.errorbar(np.array(lengths) * shift, rates, np.abs(ends.T - rates), marker="o", markersize=4, capsize=2, color=colour,
                      elinewidth=0.8)
    axes.set(xscale="log", ylim=(-0.04, 1.04), xlabel="length", ylabel="rate of success", title="Adding: who still learns")
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.minorticks_off()


def _curves(axes: Axes, runs: Sequence[str], colours: Sequence[str], title: str, label: str) -> None:
    """Draw median and range of the training loss; of a seed that has solved its task, the last loss on."""
    for name, colour in zip(runs, colours, strict=True):
        record = trained.record(name)
        curve = histories.load_carried(*name.split("/"), record["members"])[trained.only_rate(record)]
        shown = np.isfinite(curve.values).all(0)
        figures.band(axes, curve.steps[shown], curve.values[:, shown], colour, name)
    axes.set(yscale="log", xlabel="updates", ylabel=label, title=title)


def _shares(axes: Axes, shares: Mapping[str, Samples]) -> None:
    """Draw flat and steep shares of the one-unit surfaces, a dot per window."""
    for place, samples in enumerate(shares.values()):
        for values, colour, shift in zip(samples, (PLAIN, LSTM), (-0.13, 0.13), strict=True):
            axes.plot(values, np.full(len(values), place + shift), "o", color=colour, markersize=3.5, alpha=0.6, markeredgewidth=0)
    axes.set_yticks(range(len(shares)), list(shares))
    axes.set(ylim=(len(shares) - 0.5, -0.5), xlabel="share of the plane", title="One-unit surfaces")


def _roughness(axes: Axes, given: roughness.Options) -> None:
    """Draw roughness by learning rate on the character model, plain gradient descent."""
    for name, colour in zip(given.compared, (PLAIN, LSTM), strict=True):
        found = {rate: roughness.roughness(curve.values, given.window, given.burn_in)
                 for rate, curve in sorted(histories.load(given.section, name).items())}
        axes.fill_between(list(found), [values.min() for values in found.values()], [values.max() for values in found.values()],
                          color=colour, alpha=0.18, linewidth=0)
        axes.plot(list(found), [np.median(values) for values in found.values()], "o-", markersize=4, color=colour)
    axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="spread (nats)", title="Roughness, no clipping")
