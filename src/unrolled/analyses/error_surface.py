"""The error surface of a one-unit recurrent network (Pascanu, Mikolov & Bengio 2013), and gradient descent on it (D3, D4).

The unit is run 50 steps without input, :math:`x_t = w\\,\\sigma(x_{t-1}) + b` from :math:`x_0 = 0.5`, and is to end at 0.7:
:math:`E = (\\sigma(x_{50}) - 0.7)^2`. Value and gradient are computed for all points of a grid at once, forwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from matplotlib.colors import LogNorm
from scipy.special import expit

from unrolled import drawing as figures
from unrolled.analyses import error_surface_piece
from unrolled.analyses.base import SIGNED, AnalysisResult, Picture, compare

TARGET, START = 0.7, 0.5  # of the paper
ARRIVED = 1e-3  # error below which a descent has arrived
# By clipping; the pieces of the page and the figures of `clipping` have the same.
COLOURS = {"none": figures.VERMILION, "norm_15": figures.ORANGE, "norm_5": figures.SKY, "norm_1": figures.GREEN}


@dataclasses.dataclass(frozen=True)
class Options:
    """The plane, its windows, and the descents.

    Attributes:
        weights, biases: ends of the plane.
        points: of the grid, along each side.
        steps: how often the unit is applied.
        windows, shift, first_seed: statistics are taken over windows moved by up to `shift` along both axes.
        flat, steep: gradient norms below and above which a point counts as flat and as steep.
        starts, near: descents start within `near` of random steep points.
        updates, learning_rate, other_rates: of the descents; the other rates are for the figure.
        judged_rates: at which it is judged whether clipping keeps a descent within the plane that leaves it otherwise.
        thresholds: of clipping, by norm and by value.
        flown: a single step longer than this counts as flying off.
    """

    weights: tuple[float, ...] = (0.0, 12.0)
    biases: tuple[float, ...] = dataclasses.field(default=(-6.0, 0.0), metadata=SIGNED)
    points: int = 201
    steps: int = 50
    windows: int = 10
    shift: float = 1.0
    first_seed: int = 0
    flat: float = 0.01
    steep: float = 1.0
    starts: int = 200
    near: float = 0.3
    updates: int = 300
    learning_rate: float = 0.5
    other_rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    judged_rates: tuple[float, ...] = (0.03, 0.1, 0.3)
    thresholds: tuple[float, ...] = (1.0, 5.0, 15.0)
    flown: float = 1.0

    def __post_init__(self) -> None:
        for name in ("weights", "biases"):
            ends = getattr(self, name)
            if len(ends) != 2 or ends[0] >= ends[1]:
                raise ValueError(f"{name} must be two numbers, the lower first, but are {list(ends)}.")
        if self.flat >= self.steep:
            raise ValueError(f"flat must lie below steep, but they are {self.flat:g} and {self.steep:g}.")
        if self.points < 3 or min(self.starts, self.windows, self.updates, self.steps) < 1:
            raise ValueError("points must be at least 3, and starts, windows, updates and steps at least 1.")


def error(weight: np.ndarray, bias: np.ndarray, steps: int = 50) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the error and its derivatives for weight and bias, by forward accumulation, all of the inputs' shape."""
    state = np.full(np.shape(weight), START)
    by_weight, by_bias = np.zeros_like(state), np.zeros_like(state)
    for _ in range(steps):
        value = expit(state)
        slope = weight * value * (1 - value)
        by_weight = value + slope * by_weight
        by_bias = 1 + slope * by_bias
        state = weight * value + bias
    value = expit(state)
    outer = 2 * (value - TARGET) * value * (1 - value)
    return (value - TARGET) ** 2, outer * by_weight, outer * by_bias


def grid(options: Options, moved: tuple[float, float] = (0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and biases (points, points) of the plane, moved as a whole."""
    return np.meshgrid(np.linspace(*options.weights, options.points) + moved[0],
                       np.linspace(*options.biases, options.points) + moved[1], indexing="ij")


def analyse(options: Options, settings: object) -> AnalysisResult:
    """Measure the surface in windows, descend from many starts, and draw both."""
    weights, biases = grid(options)
    values, by_weight, by_bias = error(weights, biases, options.steps)
    norms = np.hypot(by_weight, by_bias)
    starts = near_the_cliff(weights, biases, norms, options)
    kinds = {"none": ("none", 1.0)} | {f"{by}_{at:g}": (by, at) for by in ("norm", "value") for at in options.thresholds}
    runs = {name: descend(*starts, by, at, options.learning_rate, options) for name, (by, at) in kinds.items()}
    result = AnalysisResult(_checks(weights, biases, by_weight, by_bias, options), window_statistics(options))
    once = window_statistics(dataclasses.replace(options, steps=1))  # the control of D3: nothing is repeated
    result.values |= {f"{name}_one_step": values for name, values in once.items()}
    for name, run in runs.items():
        result.values[f"arrived_{name}"] = float((run.errors < ARRIVED).mean())
        result.values[f"left_{name}"] = float(run.left.mean())
        result.values[f"longest_step_{name}"] = float(run.longest.max())
    result.values["flew_none"] = (runs["none"].longest > options.flown).astype(float).tolist()
    result.figures["surface"] = _surface_picture(weights, biases, values, norms, runs, options)
    for rate in options.judged_rates:
        found = {name: descend(*starts, by, at, rate, options) for name, (by, at) in kinds.items()}
        gone = found.pop("none").left
        result.values[f"flew_rate_{rate:g}"] = gone.astype(float).tolist()
        for name, run in found.items() if gone.any() else ():  # where nobody leaves, there is nobody to keep
            result.values[f"success_rescued_{name}_rate_{rate:g}"] = (~run.left[gone]).astype(float).tolist()
            result.values[f"arrived_rescued_{name}_rate_{rate:g}"] = float((run.errors[gone] < ARRIVED).mean())
    by_rate = _by_rate(starts, kinds, options)
    result.figures["flown_by_rate"] = _rates_picture(by_rate, options)
    start = int(runs["none"].longest.argmax())
    result.pieces["cliff"] = error_surface_piece.piece(error, by_rate, start, options)
    return result


def _checks(weights: np.ndarray, biases: np.ndarray, by_weight: np.ndarray, by_bias: np.ndarray, options: Options) -> list:
    """Hold the exact gradient against central differences at points neither flat nor on a cliff; where none is, at the middle one."""
    step, norms = 1e-6, np.hypot(by_weight, by_bias)
    between = np.flatnonzero((norms > options.flat) & (norms < options.steep))[::97]
    chosen = between if len(between) else norms.argsort(axis=None)[[norms.size // 2]]
    at = [plane.ravel()[chosen] for plane in (weights, biases)]
    found = [(error(at[0] + step, at[1], options.steps)[0] - error(at[0] - step, at[1], options.steps)[0]) / (2 * step),
             (error(at[0], at[1] + step, options.steps)[0] - error(at[0], at[1] - step, options.steps)[0]) / (2 * step)]
    apart = max(float(np.abs(exact.ravel()[chosen] - numeric).max()) for exact, numeric in zip((by_weight, by_bias), found, strict=True))
    return [compare("D3", "exact gradient = central differences, largest difference", 0.0, apart, 1e-4)]


def window_statistics(options: Options) -> dict[str, list[float]]:
    """Return shares of flat, steep and other area, and the ratio of gradient quantiles, over shifted windows.

    What lies in between is told for two meanings of flat: a gradient norm below `flat`, and one below the mean of the window.
    """
    found: dict[str, list[float]] = {name: [] for name in ("flat_share", "steep_share", "between_share", "between_share_below_mean",
                                                           "quantile_ratio")}
    for seed in range(options.first_seed, options.first_seed + options.windows):
        moved = np.random.default_rng([seed, 3]).uniform(-options.shift, options.shift, 2)
        _, by_weight, by_bias = error(*grid(options, tuple(moved)), options.steps)
        norms = np.hypot(by_weight, by_bias)
        flat, steep = float((norms < options.flat).mean()), float((norms > options.steep).mean())
        found["flat_share"].append(flat)
        found["steep_share"].append(steep)
        found["between_share"].append(1 - flat - steep)
        found["between_share_below_mean"].append(float((norms >= norms.mean()).mean()) - steep)
        found["quantile_ratio"].append(float(np.quantile(norms, 0.99) / np.median(norms)))
    return found


def near_the_cliff(weights: np.ndarray, biases: np.ndarray, norms: np.ndarray, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Return starts (weights, biases), each within `near` of a random point that is steep, or of the steepest if none is."""
    random = np.random.default_rng([options.first_seed, 4])
    steep = np.flatnonzero(norms > options.steep)
    chosen = random.choice(steep if len(steep) else [norms.argmax()], options.starts)
    offsets = random.uniform(-options.near, options.near, (2, options.starts))
    return weights.ravel()[chosen] + offsets[0], biases.ravel()[chosen] + offsets[1]


@dataclasses.dataclass
class Descent:
    """Paths (updates + 1, starts, 2), the longest step of each, the last error, and whether the plane was ever left."""

    paths: np.ndarray
    longest: np.ndarray
    errors: np.ndarray
    left: np.ndarray


def descend(weights: np.ndarray, biases: np.ndarray, by: str, at: float, rate: float, options: Options) -> Descent:
    """Do gradient descent from all starts at once, clipped by "norm", by "value", or by "none"."""
    place = np.stack([weights, biases], 1)
    paths, longest = [place], np.zeros(len(place))
    for _ in range(options.updates):
        gradient = np.stack(error(*place.T, options.steps)[1:], 1)
        if by == "norm":
            gradient = gradient * np.minimum(1, at / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-30))
        elif by == "value":
            gradient = gradient.clip(-at, at)
        longest = np.maximum(longest, rate * np.linalg.norm(gradient, axis=1))
        place = place - rate * gradient
        paths.append(place)
    whole = np.stack(paths)
    low, high = np.transpose([options.weights, options.biases])
    return Descent(whole, longest, error(*place.T, options.steps)[0], ((whole < low) | (whole > high)).any((0, 2)))


def _by_rate(starts: tuple[np.ndarray, np.ndarray], kinds: Mapping[str, tuple[str, float]], options: Options
             ) -> dict[str, dict[float, Descent]]:
    """Return the descents without clipping and with each threshold by norm, at every learning rate."""
    rates = sorted({*options.other_rates, options.learning_rate})
    return {name: {rate: descend(*starts, by, at, rate, options) for rate in rates}
            for name, (by, at) in kinds.items() if not name.startswith("value")}


@figures.styled
def _surface_picture(weights: np.ndarray, biases: np.ndarray, values: np.ndarray, norms: np.ndarray,
                     runs: Mapping[str, Descent], options: Options) -> Picture:
    """Draw error and gradient norm over the plane, and close by the descents of the start that flies furthest unclipped."""
    figure, (left, middle, right) = figures.panels(3, width=10, height=3.4)
    extent = (*options.weights, *options.biases)
    for axes in (left, middle):
        image = axes.imshow(values.T, origin="lower", extent=extent, aspect="auto", cmap="cividis")
    figure.colorbar(image, ax=[left, middle], label="error")
    image = right.imshow(np.maximum(norms, 1e-8).T, origin="lower", extent=extent, aspect="auto", cmap="magma",
                         norm=LogNorm(1e-6, max(float(norms.max()), 1e-5)))
    figure.colorbar(image, ax=right, label="gradient norm")
    start = int(runs["none"].longest.argmax())
    for name, colour in COLOURS.items():
        if name in runs:
            path = runs[name].paths[:, start]
            for axes in (left, middle):
                axes.plot(*path.T, ".-", color=colour, linewidth=1.2, markersize=2.5, label=name.replace("_", " "))
    place = runs["none"].paths[0, start]
    for axes in (left, middle):
        axes.plot(*place, "o", color=figures.BLACK, markersize=5, markeredgecolor="white")
    left.set(xlim=options.weights, ylim=options.biases, xlabel="w", ylabel="b", title="Error, and descents from one start")
    middle.set(xlim=place[0] + np.array([-1, 1]), ylim=place[1] + np.array([-1, 1]), xlabel="w", title="The same, close by")
    middle.legend(title="clipping", facecolor="white", frameon=True, loc="lower left")
    right.set(xlabel="w", title="Gradient norm")
    return Picture(figure, ["D3", "D4"], "Flat land and a cliff.", "平原与悬崖。",
                   f"Pascanu's one-unit problem. Descents at learning rate {options.learning_rate:g} from the start (dot) that flies "
                   f"furthest unclipped: {runs['none'].longest.max():.1f} in one step; a path that ends at the frame has left the plane.",
                   f"Pascanu 的单神经元问题。学习率 {options.learning_rate:g}，起点（圆点）取不裁剪时飞得最远的一个："
                   f"一步 {runs['none'].longest.max():.1f}；到达边框的路径已走出所画的参数范围。")


@figures.styled
def _rates_picture(by_rate: Mapping[str, Mapping[float, Descent]], options: Options) -> Picture:
    """Draw the share of starts that fly off against the learning rate, for each clipping by norm."""
    figure, axes = figures.panels(height=2.8)
    for place, (name, runs) in enumerate(by_rate.items()):
        shares = [float((run.longest > options.flown).mean()) for run in runs.values()]
        axes.plot(list(runs), shares, "o-", color=COLOURS.get(name, figures.colour(place)), markersize=4,
                  label=name.replace("_", " "))
    axes.set(xscale="log", xlabel="learning rate", ylabel="share that flies off", ylim=(-0.03, 1.03), title="Where a threshold acts")
    axes.legend(title="clipping")
    return Picture(figure, ["D4"], "Flying off, by learning rate and threshold.", "飞出的比例：学习率与阈值。",
                   f"A start flies off if a single step is longer than {options.flown:g}. A threshold can only prevent that where "
                   "threshold times learning rate is smaller, and there it must: the claim is judged by who stays within the plane.",
                   f"单步长于 {options.flown:g} 即算飞出。只有当阈值乘以学习率小于它时，裁剪才可能阻止飞出，而此时必然阻止；"
                   "因此判定看的是谁始终没有走出判定范围。")
