"""Handwritten digits read pixel by pixel (Le, Jaitly & Hinton 2015), in rows from the top left.

The answer, after the last pixel, is which of the ten digits it was.

    196 pixels of a 14x14 image of a seven   -> 7
    196 pixels of a 14x14 image of a two     -> 2
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.data import digits as stored
from unrolled.tasks.base import Items, StoredTask, class_loss


class Digits(StoredTask):
    """Pixel-by-pixel digits.

    Args:
        folder: frozen set "digits" (MNIST) or "small_digits" (8x8, of scikit-learn).
        limit: use only so many training images; 0 for all.
    """

    headline = "accuracy"
    higher_is_better = True

    def __init__(self, folder: Path, *, limit: int = 0) -> None:
        super().__init__(folder)
        for split, (images, labels) in stored.load(folder).items():
            pixels = images.reshape(len(images), -1, 1).astype(np.float32)
            keep = limit if limit and split == "train" else len(pixels)
            self.splits[split] = Batch(pixels[:keep], labels[:keep].astype(np.int64))
        self.sizes = Sizes(features=1, outputs=10)

    @property
    def chance(self) -> dict[str, float]:
        """Answering the commonest digit of the training set."""
        commonest = np.bincount(self.splits["train"].targets).argmax()
        return {"accuracy": float((self.splits["test"].targets == commonest).mean())}

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of each member."""
        return class_loss(outputs, batch.targets)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return 1 for each image that is read right."""
        return {"right": (outputs.argmax(-1) == batch.targets).to(torch.uint8)}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the accuracy."""
        return {"accuracy": items["right"].double().mean(1)}
