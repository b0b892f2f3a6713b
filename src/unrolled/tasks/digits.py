"""Handwritten digits read pixel by pixel (Le, Jaitly & Hinton 2015), in rows from the top left.

The answer, after the last pixel, is which of the ten digits it was.

    196 pixels of a 14x14 image of a seven   -> 7
    196 pixels of a 14x14 image of a two     -> 2
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unrolled.batches import Batch, Sizes
from unrolled.data import digits as stored
from unrolled.tasks.classified import Classified


class Digits(Classified):
    """Pixel-by-pixel digits.

    Args:
        folder: frozen set "digits" (MNIST) or "small_digits" (8x8, of scikit-learn).
        limit: use only so many training images; 0 for all.
    """

    def __init__(self, folder: Path, *, limit: int = 0) -> None:
        super().__init__(folder)
        for split, (images, labels) in stored.load(folder).items():
            pixels = images.reshape(len(images), -1, 1).astype(np.float32)
            keep = limit if limit and split == "train" else len(pixels)
            self.splits[split] = Batch(pixels[:keep], labels[:keep].astype(np.int64))
        self.sizes = Sizes(features=1, outputs=10)
