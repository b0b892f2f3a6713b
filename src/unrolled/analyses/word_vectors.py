"""Vectors of any spoken pieces by a trained autoencoder, many at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from unrolled.analyses.trained import Loaded
from unrolled.batches import Batch
from unrolled.tasks.spoken_words import lay_out

TOGETHER = 256  # pieces of like length that are encoded at once


def encode(loaded: Loaded, features: Sequence[np.ndarray], voices: Sequence[str]) -> np.ndarray:
    """Return the vectors of pieces of raw features, prepared as the run's own words were.

    Args:
        loaded: a run of an audio_words section.
        features: (frames, 13) MFCC each, every 10 ms.
        voices: who says each piece; looked at only where a run normalises by voice.

    Returns:
        (members, pieces, size) float32.
    """
    return encode_frames(loaded.model, loaded.task.prepare(list(features), list(voices)))


@torch.no_grad()
def encode_frames(model: nn.Module, frames: Sequence[np.ndarray]) -> np.ndarray:
    """Return the vectors (members, pieces, size) of prepared pieces (frames, 26) each; the longest are encoded last, all in their order."""
    lengths = np.array([len(piece) for piece in frames])
    order, found = lengths.argsort(kind="stable"), []
    for start in range(0, len(order), TOGETHER):
        chosen = order[start : start + TOGETHER]
        data = lay_out([frames[place] for place in chosen], np.zeros((len(chosen), 3), np.int64), int(lengths[chosen].max()))
        found.append(model.vectors(Batch(*(torch.from_numpy(part)[None] for part in data))).numpy())
    vectors = np.concatenate(found, 1)
    return vectors[:, order.argsort(kind="stable")]
