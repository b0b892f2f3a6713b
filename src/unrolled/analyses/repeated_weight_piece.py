"""A weight to be moved by hand: what 999 uses make of it, of its gradient, and of the step that is stable there (D7, D8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.analyses.base import Piece
from unrolled.analyses.repeated_steps import largest_step

FINE = 200  # steps of the grid across the region around 1


def grid(reach: float, named: Sequence[float]) -> np.ndarray:
    """Return the weights of the slider: fine within `reach` of 1, coarse outside from 0.01 to 1.1, and those named."""
    fine = np.linspace(1 - reach, 1 + reach, FINE + 1)
    below, above = np.arange(0.05, 1 - reach - 1e-9, 0.05), np.arange(1 + reach, 1.1 + 1e-9, 0.01)
    return np.unique(np.round([0.01, *below, *fine, *above, *named], 6))


def piece(repeats: int, reach: float, named: Sequence[float]) -> Piece:
    """Compute output, gradient and largest stable learning rate as logarithms to base 10; the last within `reach` of 1, but not at 1.

    Args:
        repeats: how often the weight is used.
        reach: of the region around 1 that D8 looks at.
        named: the lecture's own weights, in its order.
    """
    weights = grid(reach, named)
    logarithms = np.log10(weights)
    near = (np.abs(weights - 1) <= reach + 1e-9) & (weights != 1)
    steps = np.full(len(weights), np.nan)
    steps[near] = np.log10(largest_step(weights[near], repeats))
    data = {"repeats": repeats, "near": [round(1 - reach, 6), round(1 + reach, 6)], "named": list(named), "weight": weights.tolist(),
            "output_log10": (repeats * logarithms).round(5).tolist(),
            "gradient_log10": (np.log10(repeats) + (repeats - 1) * logarithms).round(5).tolist(),
            "rate_log10": [round(value, 3) if np.isfinite(value) else None for value in steps.tolist()]}
    return Piece("repeated_weight", data, ["D7", "D8"], "Move the weight yourself.", "亲手调一调这个权重。",
                 f"Output w^{repeats}, its gradient, and the largest learning rate at which one step of gradient descent on "
                 f"(w^{repeats} - 1)² / 2 does not raise the loss, computed for w from {data['near'][0]:g} to {data['near'][1]:g}. "
                 "The jump just above 1: from there a step may fly over 1 to the flat side, where the loss is near 1/2 as far as w = -1. "
                 "Outside that region the picture zooms out.",
                 f"输出 w^{repeats}、它的梯度，以及对 (w^{repeats} - 1)² / 2 走一步梯度下降而损失不上升的最大学习率"
                 f"（只在 w 取 {data['near'][0]:g} 到 {data['near'][1]:g} 时计算）。刚过 1 处有一跳："
                 "从那里起，一步可以越过 1 落到平坦的一侧，那边直到 w 接近 -1 为止损失都在 1/2 附近。移出这个范围，图会自动缩小。")
