"""How far gates stand open, and the factor per lag that theory expects of a cell's gates or gains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.cells.base import Cell, recur
from unrolled.cells.elman import Elman
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.scrn import SCRN

SLOPES = {torch.tanh: lambda hidden: 1 - hidden.square(), torch.sigmoid: lambda hidden: hidden * (1 - hidden)}


def kept_share(cell: Cell, inputs: Tensor, states: Sequence[Any]) -> Tensor | None:
    """Return what share of the old value each unit of a gated cell keeps at each step, or None for a cell without such a gate.

    Args:
        cell: the cell.
        inputs: (members, batch, time, features), what it read.
        states: its states in order of time.

    Returns:
        (members, time, batch, hidden): the forget gate of an LSTM (1 - input gate if coupled), the update gate of a GRU.
    """
    if not isinstance(cell, LSTM | GRU):
        return None
    before = [cell.initial_state(inputs.shape[1]), *states[:-1]]
    hidden = torch.stack([state.hidden for state in before], 1)  # (members, time, batch, hidden)
    shape = hidden.shape
    projected = cell.project(inputs.transpose(1, 2).flatten(1, 2))
    sums = recur(projected, hidden.flatten(1, 2), cell.recurrent_weight).unflatten(1, shape[1:3])
    if isinstance(cell, GRU):
        return torch.sigmoid(sums[..., cell.hidden : 2 * cell.hidden])
    if not (cell.coupled or cell.has_forget_gate):
        return torch.full(shape, cell.kept, dtype=hidden.dtype)
    place = 0 if cell.coupled else 1
    gate = sums[..., place * cell.hidden : (place + 1) * cell.hidden]
    if cell.peephole_weight is not None:
        memory = torch.stack([state.memory for state in before], 1)
        gate = gate + cell.peephole_weight[:, place].unsqueeze(1) * memory
    opening = torch.sigmoid(gate)
    return 1 - opening if cell.coupled else opening


def expected_factor(cell: Cell, inputs: Tensor, states: Sequence[Any]) -> np.ndarray | None:
    """Return the factor per lag that theory expects, per member; None where it says nothing.

    A gated cell passes an error on along its memory with the geometric mean of what its gate keeps; a plain network multiplies it by
    the recurrent gain (spectral radius) times the geometric mean of the activation's slope; SCRN's context decays at a fixed rate.
    """
    kept = kept_share(cell, inputs, states)
    if kept is not None:
        return kept.detach().clamp(min=1e-300).log().mean((1, 2, 3)).exp().numpy()
    if isinstance(cell, SCRN):
        return np.full(cell.members, cell.decay)
    if isinstance(cell, Elman) and cell.activation in SLOPES:
        hidden = torch.stack([state.hidden for state in states]).detach()
        radius = torch.linalg.eigvals(cell.recurrent_weight.detach()).abs().amax(-1)
        slope = SLOPES[cell.activation](hidden).clamp(min=1e-300).log().mean((0, 2, 3)).exp()
        return (radius * slope).numpy()
    return None
