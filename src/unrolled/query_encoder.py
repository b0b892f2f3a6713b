"""One spoken query as a vector, sooner than an encoder's own steps give it: the library's GRU with the same weights.

The steps of `cells/` hold many networks and many words at once; with one of each nearly all of their time goes into starting them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from unrolled import searching
from unrolled.cells.gru import GRU
from unrolled.models.audio_autoencoder import AudioAutoencoder


def query_encoder(model: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """Return what turns the frames (frames, size) of one query into its vector (size,), by the first member of an audio autoencoder.

    Cells that the library has no kernel for take their own steps. The vectors are those of `searching.encode`, but for rounding.
    """
    cells = [cell for cell in (getattr(model, name, None) for name in ("encoder", "backward_encoder")) if cell is not None]
    if not isinstance(model, AudioAutoencoder) or any(type(cell) is not GRU for cell in cells):
        return lambda frames: searching.encode(model, [frames])[0, 0]
    library = _as_library(cells)

    @torch.inference_mode()
    def encode(frames: np.ndarray) -> np.ndarray:
        _, last = library(torch.from_numpy(np.ascontiguousarray(frames, np.float32))[None])  # (directions, 1, hidden)
        return last.flatten().numpy()

    return encode


@torch.no_grad()
def _as_library(cells: list[GRU]) -> nn.GRU:
    """Return torch's GRU of one or both directions with the weights of the first member; its second bias is ours of the candidate alone."""
    first = cells[0]
    library = nn.GRU(first.features, first.hidden, batch_first=True, bidirectional=len(cells) > 1)
    for cell, ending in zip(cells, ("", "_reverse"), strict=False):
        inner = torch.cat([torch.zeros(2 * cell.hidden), cell.candidate_bias[0, 0]])
        values = cell.input_weight[0].T, cell.recurrent_weight[0].T, cell.bias[0, 0], inner
        for name, value in zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), values, strict=True):
            getattr(library, name + ending).copy_(value)
    return library.eval()
