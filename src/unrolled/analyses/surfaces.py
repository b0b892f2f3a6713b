"""Is the error surface flat or a cliff, and does LSTM take the flat places away? One-unit planes and slices of networks (D3, E2)."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Mapping

import numpy as np

from unrolled.analyses import slices, stable_rates, surface_pictures, unit_surfaces
from unrolled.analyses.base import SIGNED, AnalysisResult, Check, Interactive, Sentence, compare
from unrolled.analyses.unit_surfaces import NETWORKS, PROBLEMS, Plane
from unrolled.settings import Settings, SettingsError, nearest

QUANTILES = (0.99, 0.5)
SHOWN_ZH = {"lstm_0": "偏置 0", "lstm_1": "偏置 1", "lstm_5": "偏置 5", "lstm_no_forget_gate": "无遗忘门"}
PROBLEMS_ZH = {"pascanu": "Pascanu 平面", "latch": "锁存平面"}


@dataclasses.dataclass(frozen=True)
class Options:
    """What is measured.

    Attributes:
        pascanu, latch: the planes, as lowest and highest weight, lowest and highest bias.
        steps: of the sequences.
        points: along each side of the planes that are drawn; window_points of those that statistics are taken of.
        windows, shift, first_seed: statistics are taken over windows, each a plane moved by up to `shift` along both axes.
        flat, steep: gradient norms below and above which a point of a plane counts as flat and as steep.
        slice_flat, slice_steep: the same of a slice, times its median norm: what the norms of a slice are hangs on how long its directions
            are, and limits made for planes would find nothing flat there and half of all steep.
        starts, updates, rates: descents from random starts of each window, at each learning rate.
        small_rate: the one that is to suffice.
        flown: a single step longer than this is not stable.
        near_pascanu, near_latch: errors below which a descent has arrived; guessing costs 0.25 on the latch.
        trained: the section of runs stopped at one loss. batch: sequences of a slice.
        slice_points, coarse_points, reach: of the slice that is drawn and of those for statistics, from -reach to reach.
        planes: random planes per trained member, whose statistics are averaged.
    """

    pascanu: tuple[float, ...] = dataclasses.field(default=(0.0, 12.0, -6.0, 0.0), metadata=SIGNED)
    latch: tuple[float, ...] = dataclasses.field(default=(-4.0, 4.0, -4.0, 4.0), metadata=SIGNED)
    steps: int = 50
    points: int = 201
    window_points: int = 61
    windows: int = 10
    shift: float = 1.0
    first_seed: int = 0
    flat: float = 0.01
    steep: float = 1.0
    starts: int = 20
    updates: int = 200
    rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    small_rate: float = 0.1
    flown: float = 1.0
    near_pascanu: float = 1e-3
    near_latch: float = 0.15
    trained: str = "adding_stopped"
    batch: int = 32
    slice_flat: float = 0.1
    slice_steep: float = 10.0
    slice_points: int = 61
    coarse_points: int = 15
    reach: float = 1.0
    planes: int = 2

    def __post_init__(self) -> None:
        for problem in PROBLEMS:
            ends = getattr(self, problem)
            if len(ends) != 4 or ends[0] >= ends[1] or ends[2] >= ends[3]:
                raise ValueError(f"{problem} must be lowest and highest weight, lowest and highest bias, but is {list(ends)}.")
        if min(self.points, self.window_points, self.slice_points, self.coarse_points) < 3:
            raise ValueError("points must be at least 3 on every side.")
        if min(self.windows, self.starts, self.planes, self.steps, self.updates) < 1 or self.reach <= 0:
            raise ValueError("windows, starts, planes, steps and updates must be at least 1, and reach above 0.")
        for flat, steep in (("flat", "steep"), ("slice_flat", "slice_steep")):
            if getattr(self, flat) >= getattr(self, steep):
                raise ValueError(f"{flat} must lie below {steep}, but they are {getattr(self, flat):g} and {getattr(self, steep):g}.")
        rises = all(low < high for low, high in itertools.pairwise((0.0, *self.rates)))
        if len(self.rates) < 2 or not rises or self.small_rate not in self.rates:
            raise ValueError(f"rates must rise from above 0 and hold small_rate {self.small_rate:g}, but are {list(self.rates)}.")

    def plane(self, problem: str) -> Plane:
        """Return the plane of a problem."""
        ends = getattr(self, problem)
        return Plane(ends[:2], ends[2:])

    def moves(self) -> list[tuple[float, float]]:
        """Return how far each window is moved along both axes."""
        seeds = range(self.first_seed, self.first_seed + self.windows)
        return [tuple(np.random.default_rng([seed, 3]).uniform(-self.shift, self.shift, 2)) for seed in seeds]


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Measure planes, descents and slices, and draw them."""
    result = AnalysisResult(checks=_checks(options))
    planes, descents = {}, {}
    for problem in PROBLEMS:
        planes[problem] = {network: unit_surfaces.error(network, problem, *options.plane(problem).grid(options.points), options.steps)
                           for network in NETWORKS}
        descents[problem] = {network: _descents(network, problem, options) for network in NETWORKS}
        for network in NETWORKS:
            found = window_statistics(network, problem, options) | rate_values(descents[problem][network], options)
            result.values |= {f"{kind}_{network}_{problem}": values for kind, values in found.items()}
    shown = _slices(options, settings, result)
    _draw(result, planes, descents, options)
    if {"tanh", "lstm"} <= set(shown):
        length = settings.tasks[options.trained].runs["tanh"].options["length"]
        result.figures["slices"] = surface_pictures.slices_side_by_side({name: shown[name] for name in ("tanh", "lstm")}, length)
    result.sentences += [_flat_sentence(result.values), _variants_sentence(result.values), _rate_sentence(result.values, options)]
    return result


def statistics(norms: np.ndarray, flat: float, steep: float) -> dict[str, float]:
    """Return shares of norms below `flat` and above `steep` and the ratio of the .99 and .5 quantiles; not finite counts as steep."""
    filled = np.nan_to_num(norms, nan=np.inf, posinf=np.inf)
    high, middle = np.quantile(np.minimum(filled, 1e30), QUANTILES)
    return {"flat": float((filled < flat).mean()), "steep": float((filled > steep).mean()),
            "quantile_ratio": float(high / max(middle, 1e-30))}


def window_statistics(network: str, problem: str, options: Options) -> dict[str, list[float]]:
    """Return the statistics of one network's plane, one number per window."""
    found: dict[str, list[float]] = {"flat": [], "steep": [], "quantile_ratio": []}
    for moved in options.moves():
        grid = options.plane(problem).grid(options.window_points, moved)
        _, by_weight, by_bias = unit_surfaces.error(network, problem, *grid, options.steps)
        for name, value in statistics(np.hypot(by_weight, by_bias), options.flat, options.steep).items():
            found[name].append(value)
    return found


def _descents(network: str, problem: str, options: Options) -> stable_rates.Descents:
    """Descend from the same random starts of each window, at each rate."""
    seeds = range(options.first_seed, options.first_seed + options.windows)
    starts = [options.plane(problem).draw(options.starts, moved, np.random.default_rng([seed, 4]))
              for seed, moved in zip(seeds, options.moves(), strict=True)]
    surface = functools.partial(unit_surfaces.error, network, problem, steps=options.steps)
    near = getattr(options, f"near_{problem}")
    return stable_rates.descend(surface, np.stack(starts, 1), options.rates, options.updates, options.flown, near)


def rate_values(found: stable_rates.Descents, options: Options) -> dict[str, list[float]]:
    """Return the largest stable rate (log10), and what arrives at the small and at the best rate, by window."""
    small, best = options.rates.index(options.small_rate), stable_rates.best_rate(found.arrived)
    return {"stable_rate": stable_rates.stable_rate(found.stable, options.rates),
            "arrived_small": found.arrived[small].mean(-1).tolist(), "arrived_best": found.arrived[best].mean(-1).tolist()}


def _slices(options: Options, settings: Settings, result: AnalysisResult) -> dict[str, slices.Slice]:
    """Measure slices through every trained run, put their statistics into the result, and return one slice per run to draw.

    Raises:
        SettingsError: there is no such section.
    """
    if options.trained not in settings.tasks:
        raise SettingsError(f"analyses.surfaces.trained is {options.trained!r}{nearest(options.trained, settings.tasks)}")
    section, shown = settings.tasks[options.trained], {}
    for name in section.runs:
        trained = slices.load(section, name, options.batch)
        result.values[f"slices_left_out_{name}"] = float(trained.left_out)
        if not trained.members:
            continue
        members = range(len(trained.members))
        result.values[f"slice_loss_{name}"] = [slices.centre_loss(trained, member) for member in members]
        found = [_of_member(trained, member, options) for member in members]
        result.values |= {f"{kind}_{name}_slice": [one[kind] for one in found] for kind in found[0]}
        shown[name] = slices.cut(trained, 0, slices.seeded(options.first_seed, 0, 0), options.slice_points, options.reach)
    return shown


def _of_member(trained: slices.Trained, member: int, options: Options) -> dict[str, float]:
    """Return a member's statistics, averaged over its planes."""
    cuts = [slices.cut(trained, member, slices.seeded(options.first_seed, member, plane), options.coarse_points, options.reach).norms
            for plane in range(options.planes)]
    medians = [float(np.nanmedian(norms)) for norms in cuts]
    found = [statistics(norms, options.slice_flat * median, options.slice_steep * median)
             for norms, median in zip(cuts, medians, strict=True)]
    return {kind: float(np.mean([one[kind] for one in found])) for kind in found[0]}


def _checks(options: Options) -> list[Check]:
    """Hold the exact gradients against our own cells and automatic differentiation, at random points."""
    checks = []
    for problem in PROBLEMS:
        weights, biases = options.plane(problem).draw(20, (0.0, 0.0), np.random.default_rng(5))
        apart = 0.0
        for network in NETWORKS:
            ours, cells = (way(network, problem, weights, biases, options.steps)
                           for way in (unit_surfaces.error, unit_surfaces.through_cells))
            apart = max(apart, *(float((np.abs(one - other) / (1 + np.abs(other))).max()) for one, other in zip(ours, cells, strict=True)))
        checks.append(compare("E2", f"{problem}: error and gradient = those of our cells, largest relative difference", 0.0, apart, 1e-8))
    return checks


def _draw(result: AnalysisResult, planes: Mapping, descents: Mapping, options: Options) -> None:
    """Draw maps, statistics, rates, and the surfaces that can be turned."""
    for problem in PROBLEMS:
        result.figures[f"map_{problem}"] = surface_pictures.gradient_maps(
            problem, planes[problem], options.plane(problem), (options.flat, options.steep))
        result.figures[f"rates_{problem}"] = surface_pictures.by_rate(
            problem, descents[problem], options.rates, options.small_rate, options.flown)
        errors = {network: planes[problem][network][0] for network in ("rnn", "lstm_1")}
        title, title_zh = surface_pictures.TITLES[problem]
        result.interactive[f"turn_{problem}"] = Interactive(
            surface_pictures.three_dimensional(errors, options.plane(problem)), ["E2", "D3"], f"{title}: turn it.",
            f"{title_zh}：可以转动。",
            "Left the plain network, right the LSTM with forget bias 1; height and colour are the error, on one scale.",
            "左为普通网络，右为遗忘门偏置为 1 的 LSTM；高度与颜色为误差，两者同一标度。")
    limits = {"plane": (options.flat, options.steep), "slice": (options.slice_flat, options.slice_steep)}
    result.figures["statistics"] = surface_pictures.shares(result.values, limits)


def _flat_sentence(values: Mapping[str, object]) -> Sentence:
    """Say how flat and how steep the plain network and the LSTM are, surface by surface."""
    pairs = {"pascanu": ("rnn", "lstm_1"), "latch": ("rnn", "lstm_1"), "slice": ("tanh", "lstm")}
    names_zh = PROBLEMS_ZH | {"slice": "训练后切片"}
    english, chinese = [], []
    for where, names in pairs.items():
        if all(f"flat_{name}_{where}" in values for name in names):
            flat, steep = ([float(np.mean(values[f"{kind}_{name}_{where}"])) for name in names] for kind in ("flat", "steep"))
            english.append(f"{where}: flat {flat[0]:.3f} against {flat[1]:.3f}, steep {steep[0]:.4f} against {steep[1]:.4f}")
            chinese.append(f"{names_zh[where]}：平坦 {flat[0]:.3f} 对 {flat[1]:.3f}，陡峭 {steep[0]:.4f} 对 {steep[1]:.4f}")
    return Sentence(["E2", "D3"], f"Shares of area, plain network against LSTM (bias 1): {'; '.join(english)}. Where the LSTM's flat "
                    "share is the larger, the sentence of the lecture fails.",
                    f"面积占比，普通网络对 LSTM（偏置 1）：{'；'.join(chinese)}。凡 LSTM 的平坦占比更大之处，课上的说法就不成立。")


def _variants_sentence(values: Mapping[str, object]) -> Sentence:
    """Say of each LSTM on which plane fewer places are flat, and of those where cliffs stay, than with the plain network."""
    found = {kind: {(network, problem): float(np.mean(values[f"{kind}_{network}_{problem}"]))
                    for network, problem in itertools.product(NETWORKS, PROBLEMS)} for kind in ("flat", "steep")}
    english, chinese = [], []
    for problem in PROBLEMS:
        lower = [network for network in NETWORKS[1:] if found["flat"][network, problem] < found["flat"]["rnn", problem]]
        kept = [network for network in lower if found["steep"][network, problem] >= found["steep"]["rnn", problem]]
        english.append(f"{problem}: less is flat than with the plain network for "
                       f"{' and '.join(surface_pictures.SHOWN[network] for network in lower) or 'none'}"
                       f"{f', with no fewer cliffs for {len(kept)} of these' if lower else ''}")
        chinese.append(f"{PROBLEMS_ZH[problem]}：平坦处少于普通网络的有{'、'.join(SHOWN_ZH[network] for network in lower) or '无'}"
                       f"{f'，其中悬崖不少于普通网络的有 {len(kept)} 个' if lower else ''}")
    return Sentence(["E2"], f"All {len(NETWORKS) - 1} LSTMs, by their mean shares. {'; '.join(english)}.",
                    f"全部 {len(NETWORKS) - 1} 种 LSTM，按平均占比。{'；'.join(chinese)}。")


def _rate_sentence(values: Mapping[str, object], options: Options) -> Sentence:
    """Say which rates are stable and what arrives at the small one."""
    english, chinese = [], []
    for problem in PROBLEMS:
        rate, small, best = ([float(np.mean(values[f"{kind}_{name}_{problem}"])) for name in ("rnn", "lstm_1")]
                             for kind in ("stable_rate", "arrived_small", "arrived_best"))
        english.append(f"{problem}: stable up to {10 ** rate[0]:.2g} against {10 ** rate[1]:.2g}; {small[0]:.0%} against {small[1]:.0%} "
                       f"arrive at {options.small_rate:g}, {best[0]:.0%} against {best[1]:.0%} at each one's best rate")
        chinese.append(f"{PROBLEMS_ZH[problem]}：最大稳定学习率 {10 ** rate[0]:.2g} 对 {10 ** rate[1]:.2g}；"
                       f"学习率 {options.small_rate:g} 时降到低误差处的占 {small[0]:.0%} 对 {small[1]:.0%}，"
                       f"各用最佳学习率时 {best[0]:.0%} 对 {best[1]:.0%}")
    return Sentence(["E2"], f"Plain gradient descent, plain network against LSTM (bias 1): {'; '.join(english)}.",
                    f"普通梯度下降，普通网络对 LSTM（偏置 1）：{'；'.join(chinese)}。")
