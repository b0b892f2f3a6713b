"""The gradient of the last state for every earlier one, by lag, in float64: float32 norms underflow to 0 within 100 steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled import training
from unrolled.cells.base import Cell, unroll

LEAST = 1e-300  # what a gradient that is exactly 0, as of dead ReLUs, counts as


class Fit(NamedTuple):
    """A geometric decay fitted per member: factor per step, and R squared of the line through the logarithms."""

    factor: np.ndarray
    r_squared: np.ndarray


def draw_inputs(length: int, batch: int, features: int, seeds: Sequence[int]) -> Tensor:
    """Draw numbers from [0, 1]: (members, batch, length, features), each member's by its own seed."""
    parts = [torch.rand(batch, length, features, generator=training.generator(seed, "data"), dtype=torch.float64) for seed in seeds]
    return torch.stack(parts)


def gradient_by_lag(cell: Cell, inputs: Tensor, seeds: Sequence[int]) -> tuple[np.ndarray, list[Any]]:
    """Return the norm of the gradient of a random direction of the last hidden value for the state `lag` steps before.

    Args:
        cell: in float64, one member per seed.
        inputs: (members, batch, length, features) in float64; norms are averaged over the batch geometrically.
        seeds: of each member's direction.

    Returns:
        (members, length) norms over the whole state, lag 0 first, and the states in order of time.
    """
    length = inputs.shape[2]
    unrolled = unroll(cell, inputs, keep_states=True)
    directions = torch.stack([torch.randn(cell.output_size, generator=training.generator(seed, "dropout"), dtype=torch.float64)
                              for seed in seeds])
    loss = (unrolled.outputs[:, :, -1] * directions.unsqueeze(1)).sum()
    parts = [part for state in unrolled.states for part in state if part.requires_grad]  # a clock has no gradient
    gradients = torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True)
    width = len(parts) // length
    norms = []
    for step in range(length):
        together = torch.cat([gradient.flatten(2) for gradient in gradients[step * width : (step + 1) * width]], -1)
        norms.append(together.norm(dim=-1).clamp(min=LEAST).log().mean(1).exp())  # (members,)
    return torch.stack(norms[::-1], 1).detach().numpy(), unrolled.states


def fit(norms: np.ndarray, first_lag: int) -> Fit:
    """Fit a line through log norms (members, lags) from `first_lag` on."""
    lags = np.arange(norms.shape[1])[first_lag:]
    logarithms = np.log(np.maximum(norms[:, first_lag:], LEAST))
    slopes, starts = np.polyfit(lags, logarithms.T, 1)
    left = logarithms - (slopes[:, None] * lags + starts[:, None])
    spread = logarithms - logarithms.mean(1, keepdims=True)
    total = np.square(spread).sum(1)
    explained = 1 - np.divide(np.square(left).sum(1), total, out=np.zeros_like(total), where=total > 0)
    return Fit(np.exp(slopes), explained)
