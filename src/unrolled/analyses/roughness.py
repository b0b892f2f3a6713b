"""How rough training curves are (D2): the loss around its moving mean, jumps, and members that end worse than chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from unrolled import drawing as figures
from unrolled import histories
from unrolled.analyses import trained
from unrolled.analyses.base import AnalysisResult, Picture, Sentence, Table
from unrolled.settings import Run, Settings, SettingsError, nearest

ROUGH, CALM = figures.VERMILION, figures.BLUE  # the two runs that are compared, in every figure
OTHERS = tuple(colour for colour in figures.COLOURS if colour not in (ROUGH, CALM))
ROUGHEST = 100.0  # nats; as rough as anything counts, and as what is not finite counts


@dataclasses.dataclass(frozen=True)
class Options:
    """What is measured, on which section of params.yaml.

    Attributes:
        section: whose runs recorded every update (stride 1).
        window: updates in the moving mean.
        burn_in: first updates left out of both, in which every loss falls steeply.
        jump: rise of the loss from one update to the next, in nats, that counts as one.
        compared: the two runs whose curves are drawn side by side, rough and calm.
    """

    section: str = "character_rates"
    window: int = 25
    burn_in: int = 40
    jump: float = 0.3
    compared: tuple[str, ...] = ("tanh", "lstm")

    def __post_init__(self) -> None:
        if self.window < 2 or len(self.compared) != 2:
            raise ValueError(f"window must be at least 2 and compared must name two runs, but they are {self.window} "
                             f"and {list(self.compared)}.")


def moving_mean(losses: np.ndarray, window: int) -> np.ndarray:
    """Return the mean over `window` updates around each that has so many: (members, updates - window + 1)."""
    return np.lib.stride_tricks.sliding_window_view(losses, window, axis=-1).mean(-1)


def roughness(losses: np.ndarray, window: int, burn_in: int) -> np.ndarray:
    """Return each member's standard deviation of the loss around its moving mean, after the burn-in, in nats: (members,).

    Args:
        losses: (members, updates); a member that has none at some update, or one that is not finite, is as rough as `ROUGHEST`, and so
            are all where every one ended within the burn-in.
    """
    if losses.shape[1] <= burn_in:
        return np.full(len(losses), ROUGHEST)
    filled = np.clip(np.nan_to_num(losses[:, burn_in:], nan=0.0, posinf=0.0), 0, 1e12)
    window = min(window, filled.shape[1])
    mean = moving_mean(filled, window)
    before = (window - 1) // 2
    apart = filled[:, before : before + mean.shape[1]] - mean
    spread = np.sqrt(np.square(apart).mean(-1))
    return np.where(np.isfinite(losses[:, burn_in:]).all(1), np.minimum(spread, ROUGHEST), ROUGHEST)


def jumps(losses: np.ndarray, least: float) -> np.ndarray:
    """Return how often each member's loss rises by more than `least` from one update to the next: (members,)."""
    return (np.diff(losses, axis=1) > least).sum(1)


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Measure every run at every rate, also at its own best rate, and draw the lecture's picture."""
    result, found, best, rows = AnalysisResult(), {}, {}, []
    runs = trained.section_of(options.section, settings).runs
    _check_compared(options, runs)
    for run in runs.values():
        record = trained.record(f"{options.section}/{run.name}")
        found[run.name] = histories.load(options.section, run.name)
        _check_burn_in(options, run, found[run.name])
        for rate, curve in found[run.name].items():
            values = _of_one_rate(f"{run.name}_rate_{rate:g}", curve.values, _members(record, rate), options)
            result.values |= values
            spread, rises, _ = (f"{np.median(each):.3g}" for each in values.values())
            rows.append([run.name, f"{rate:g}", *_cells(_members(record, rate)), spread, rises])
        best[run.name] = best_rate(record)
        result.values[f"best_rate_{run.name}"] = best[run.name]
        result.values[f"roughness_{run.name}_best"] = result.values[f"roughness_{run.name}_rate_{best[run.name]:g}"]
    result.figures["wild_and_calm"] = _curves_picture(found, best, options)
    result.figures["roughness_by_rate"] = _rates_picture(result, found, options)
    result.tables["training_rates"] = Table(
        ["D2"], "Plain gradient descent on characters, without clipping, by learning rate.",
        "字符模型，普通梯度下降，不裁剪，按学习率列出。",
        ("run", "learning rate", "seeds that train", "diverged", "bits per character, median", "spread, nats", "jumps"),
        ("运行", "学习率", "训练成功的种子", "发散", "每字符比特数（中位数）", "起伏（nat）", "跳升次数"), rows, rows)
    result.sentences.append(_sentence(result, best, options))
    return result


def _check_compared(options: Options, runs: Mapping[str, Run]) -> None:
    """Check that the section has the runs whose curves are to be drawn.

    Raises:
        SettingsError: it does not.
    """
    for name in options.compared:
        if name not in runs:
            raise SettingsError(f"analyses.roughness.compared names {name!r}, which is no run of tasks.{options.section}"
                                f"{nearest(name, runs)}")


def _check_burn_in(options: Options, run: Run, found: dict[float, histories.Curve]) -> None:
    """Check that the burn-in leaves updates to be measured of a run, at any of whose rates a curve may have ended early.

    Raises:
        SettingsError: it does not.
    """
    recorded = -(-run.updates // run.stride) or max((len(curve.steps) for curve in found.values()), default=0)
    if options.burn_in >= recorded:
        raise SettingsError(f"analyses.roughness.burn_in is {options.burn_in}, which leaves nothing of the {recorded} updates that "
                            f"tasks.{run.task}.runs.{run.name} records; make it smaller.")


def _members(record: dict, rate: float) -> list[dict]:
    return [member for member in record["members"] if np.isclose(member["learning_rate"], rate)]


def _of_one_rate(name: str, losses: np.ndarray, members: list[dict], options: Options) -> dict[str, list[float]]:
    """Return the values of one run at one rate, one per seed."""
    return {
        f"roughness_{name}": roughness(losses, options.window, options.burn_in).tolist(),
        f"jumps_{name}": jumps(losses[:, options.burn_in:], options.jump).astype(float).tolist(),
        f"failed_{name}": [1.0 - (member["metrics"]["success"] or 0.0) for member in members]}


def _cells(members: list[dict]) -> list[str]:
    """Return how many seeds train and how many diverge, and the median of the bits per character that are left to test text."""
    bits = [member["metrics"].get("bits_per_character") for member in members]
    median = float(np.median([np.inf if value is None else value for value in bits]))
    trains = int(sum(member["metrics"]["success"] or 0 for member in members))
    diverged = sum(bool(member["diverged"]) for member in members)
    return [f"{trains}/{len(members)}", str(diverged), f"{median:.2f}" if np.isfinite(median) else "–"]


def best_rate(record: dict) -> float:
    """Return the rate with the best median validation score in bits; a member without one counts as infinitely bad."""
    rates = sorted({member["learning_rate"] for member in record["members"]})
    scores = [np.median([np.inf if member["validation"].get("bits_per_character") is None else member["validation"]["bits_per_character"]
                         for member in _members(record, rate)]) for rate in rates]
    return rates[int(np.argmin(scores))]


def _sentence(result: AnalysisResult, best: dict[str, float], options: Options) -> Sentence:
    """Say what is left of the difference when each network trains at its own best rate."""
    rough, calm = options.compared
    at_best = {name: np.mean(result.values[f"roughness_{name}_best"]) for name in options.compared}
    return Sentence(
        ["D2"],
        f"At its own best rate ({best[rough]:g}) the {rough} network's loss moves {at_best[rough]:.3f} nats around its mean, the "
        f"{calm}'s (at {best[calm]:g}) {at_best[calm]:.3f}: at equal rates the {calm} is calmer also because it learns less per update.",
        f"各用自己最好的学习率时，{rough} 网络（{best[rough]:g}）的损失围绕均值波动 {at_best[rough]:.3f} nat，"
        f"{calm}（{best[calm]:g}）为 {at_best[calm]:.3f}：学习率相同时 {calm} 更平稳，部分原因是它每次更新学得更少。")


@figures.styled
def _curves_picture(found: dict[str, dict[float, histories.Curve]], best: dict[str, float], options: Options) -> Picture:
    """Draw every seed's loss of the two compared runs, one panel per rate, on the same scale."""
    rates = sorted(found[options.compared[0]])
    figure, axes = figures.panels(len(rates), width=2.0 * len(rates) + 0.8, height=2.7, sharey=True, squeeze=False)
    for panel, rate in zip(axes[0], rates, strict=True):
        for name, colour in zip(options.compared, (ROUGH, CALM), strict=True):
            curve = found[name][rate]
            for place, losses in enumerate(curve.values):
                panel.plot(curve.steps, np.clip(losses, None, 60), color=colour, linewidth=0.6, alpha=0.6,
                           label=name if place == 0 else None)
        panel.set(yscale="log", ylim=(2, 60), title=f"rate {rate:g}", xlabel="updates")
    axes[0, 0].set(ylabel="loss (nats per character)")
    axes[0, 0].set_yticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
    axes[0, 0].minorticks_off()
    axes[0, 0].legend(loc="upper right")
    rough, calm = options.compared
    return Picture(figure, ["D2"], "Wild and calm: every seed's training loss.", "剧烈与平稳：每个种子的训练损失。",
                   f"Character model, plain gradient descent without clipping, one thin line per seed. Best rate of {rough}: "
                   f"{best[rough]:g}, of {calm}: {best[calm]:g}. Losses above 60 are cut off.",
                   f"字符模型，不裁剪的普通梯度下降，每条细线一个种子。{rough} 的最佳学习率为 {best[rough]:g}，{calm} 为 {best[calm]:g}。"
                   "超过 60 的损失截去。")


@figures.styled
def _rates_picture(result: AnalysisResult, found: dict[str, dict[float, histories.Curve]], options: Options) -> Picture:
    """Draw roughness, jumps and the share of failed seeds against the rate, for every run."""
    figure, (rough, jumping, failed) = figures.panels(3, width=10, height=2.9)
    colours = dict(zip([name for name in found if name not in options.compared], OTHERS, strict=False))
    colours |= dict(zip(options.compared, (ROUGH, CALM), strict=True))
    for place, (name, by_rate) in enumerate(found.items()):
        rates, style = sorted(by_rate), {"color": colours.get(name, figures.GREY), "label": name, "markersize": 4}
        values = np.array([result.values[f"roughness_{name}_rate_{rate:g}"] for rate in rates])
        rough.fill_between(rates, values.min(1), values.max(1), color=style["color"], alpha=0.15, linewidth=0)
        rough.plot(rates, np.median(values, 1), "o-", **style)
        jumping.plot(rates, [np.median(result.values[f"jumps_{name}_rate_{rate:g}"]) for rate in rates], "o-", **style)
        failed.plot(np.array(rates) * 1.03 ** (place - 1.5), [np.mean(result.values[f"failed_{name}_rate_{rate:g}"]) for rate in rates],
                    "o-", **style)
    rough.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="spread around the moving mean (nats)", title="Roughness")
    jumping.set(xscale="log", xlabel="learning rate", ylabel="updates that jump", title=f"Jumps of more than {options.jump:g} nats")
    failed.set(xscale="log", ylim=(-0.04, 1.04), xlabel="learning rate", ylabel="share of seeds",
               title="Worse than frequencies in the end")
    rough.legend()
    return Picture(figure, ["D2", "E2"], "Roughness and failure by learning rate.", "不同学习率下的起伏与失败。",
                   f"Median over seeds, of roughness the range too. A jump: the loss rises by more than {options.jump:g} nats from one "
                   f"update to the next; the first {options.burn_in} updates do not count. A seed fails if it ends worse than the "
                   "frequencies of the characters alone.",
                   f"各种子的中位数，起伏另画范围。上跳指一次更新后损失上升超过 {options.jump:g} nat；前 {options.burn_in} 次更新不计。"
                   "若最终不如只看字符频率，则算失败。")
