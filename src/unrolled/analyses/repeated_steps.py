"""How long a step gradient descent may take where one weight is used again and again."""

from __future__ import annotations

import numpy as np


def loss_and_slope(weight: np.ndarray, repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (w^n - 1)^2 / 2 and its slope."""
    power = weight**repeats
    return (power - 1) ** 2 / 2, (power - 1) * repeats * weight ** (repeats - 1)


def largest_step(weight: np.ndarray, repeats: int, halvings: int = 200) -> np.ndarray:
    """Return the largest learning rate at which one step of gradient descent does not raise the loss, to 1 % (bisection).

    The loss falls towards w = 1 and rises beyond it, so every smaller step lowers it too.
    """
    loss, slope = loss_and_slope(weight, repeats)
    low, high = np.full_like(weight, 1e-40), np.full_like(weight, 1e40)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(halvings):
            middle = np.sqrt(low * high)
            after, _ = loss_and_slope(weight - middle * slope, repeats)
            lower = after <= loss
            low, high = np.where(lower, middle, low), np.where(lower, high, middle)
    return low
