"""Gradient descent over the cliff, in three dimensions, with the threshold of clipping and the learning rate to be chosen (D4, D3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from unrolled.analyses.base import Piece
from unrolled.analyses.rounding import short

EVERY, FIRST = 10, 30  # of a path, the first updates are kept, then every tenth, and both ends of its longest step
CLOSE, FINE, COARSE = 1.0, 41, 61  # the surface has a finer grid so close to the start
Surface = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray, np.ndarray]]


class Descents(Protocol):
    """Gradient descents from several starts: their paths (updates + 1, starts, 2), the longest step of each, and which left the plane."""

    paths: np.ndarray
    longest: np.ndarray
    left: np.ndarray


class Plane(Protocol):
    """The options of the analysis that are needed here."""

    weights: tuple[float, ...]
    biases: tuple[float, ...]
    steps: int
    learning_rate: float
    flown: float


def piece(surface: Surface, by_rate: Mapping[str, Mapping[float, Descents]], start: int, options: Plane) -> Piece:
    """Pack the surface, and the paths from one start by clipping and learning rate.

    Args:
        surface: returns error and its derivatives for weight and bias.
        by_rate: descents by clipping ("none", "norm_15", ...) and learning rate, all from the same starts.
        start: which of the starts is shown.
        options: the plane; it is drawn to twice its height in the bias, since that is where a step flies to.
    """
    rates = list(next(iter(by_rate.values())))
    place = next(iter(by_rate.values()))[rates[0]].paths[0, start]
    low, high = options.biases
    weights, biases = _axis(*options.weights, place[0]), _axis(low, high + (high - low), place[1])
    heights = surface(*np.meshgrid(weights, biases), options.steps)[0]  # a row per bias, as plotly has it
    names = sorted(by_rate, key=_threshold, reverse=True)
    paths = {name: [_path(surface, by_rate[name][rate], start, options) for rate in rates] for name in names}
    edge = surface(weights, np.full_like(weights, high), options.steps)[0]
    data = {"weights": short(weights), "biases": short(biases), "errors": heights.round(3).tolist(),
            "edge": {"bias": high, "errors": short(edge, 3)}, "start": short(place), "close": CLOSE, "rates": rates,
            "rate": options.learning_rate, "flown": options.flown, "paths": paths,
            "thresholds": {name: _threshold(name) if name != "none" else None for name in names}}
    return Piece("error_surface", data, ["D4", "D3"], "Over the cliff, clipped or not.", "悬崖上的一步：裁剪与不裁剪。",
                 "Gradient descent on Pascanu's error surface from the start that flies furthest without clipping at learning rate "
                 f"{options.learning_rate:g}. A clipped step is at most threshold times learning rate long, so what a threshold of 15 "
                 f"prevents depends on the rate. A step longer than {options.flown:g} flies off; the claim is judged by who leaves the "
                 f"plane. The surface is drawn to twice the height (b up to {high + (high - low):g}); what is judged ends at b = {high:g}, "
                 "the dashed line. Paths that end at the frame have left the surface that is drawn.",
                 f"在 Pascanu 的误差曲面上做梯度下降，起点取学习率 {options.learning_rate:g} 且不裁剪时飞得最远的一个。"
                 "裁剪后的一步最长为阈值乘以学习率，所以阈值 15 能否拦住，要看学习率。"
                 f"单步长于 {options.flown:g} 即算飞出；判定看的是谁走出了判定范围。"
                 f"曲面多画了一倍（b 至 {high + (high - low):g}）；判定范围到 b = {high:g} 为止（虚线）。到达边框的路径已离开所画的曲面。")


def _threshold(name: str) -> float:
    return np.inf if name == "none" else float(name.removeprefix("norm_"))


def _axis(low: float, high: float, fine: float) -> np.ndarray:
    """Return rising values from low to high that lie closer together near `fine`."""
    near = np.linspace(max(low, fine - CLOSE), min(high, fine + CLOSE), FINE)
    return np.unique(np.concatenate([np.linspace(low, high, COARSE), near]).round(3))


def _path(surface: Surface, descents: Descents, start: int, options: Plane) -> dict[str, Any]:
    """Return one path's points and what happened on it."""
    path = descents.paths[:, start]
    errors, by_weight, by_bias = surface(*path.T, options.steps)
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    longest = int(lengths.argmax())
    kept = sorted({*range(min(FIRST, len(path))), *range(0, len(path), EVERY), longest, longest + 1, len(path) - 1})
    return {"updates": kept, "weights": short(path[kept, 0]), "biases": short(path[kept, 1]), "errors": short(errors[kept], 3),
            "longest": short(float(lengths[longest])), "longest_at": longest + 1,
            "steepest": short(float(np.hypot(by_weight, by_bias).max())), "flew": int((descents.longest > options.flown).sum()),
            "left": int(descents.left.sum()), "starts": len(descents.longest)}
