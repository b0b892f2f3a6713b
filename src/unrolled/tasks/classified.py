"""What tasks share in which a stored sequence belongs to one of several classes, told after its last step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch
from unrolled.tasks.base import Items, StoredTask, class_loss


class Classified(StoredTask):
    """Stored sequences with one class each; the targets of every split are whole numbers (sequences,)."""

    headline = "accuracy"
    higher_is_better = True

    @property
    def chance(self) -> dict[str, float]:
        """Giving the commonest answer of the training set, whatever is read."""
        commonest = np.bincount(self.splits["train"].targets).argmax()
        return {"accuracy": float((self.splits["test"].targets == commonest).mean())}

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of each member."""
        return class_loss(outputs, batch.targets)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return 1 for each sequence whose class is told right."""
        return {"right": (outputs.argmax(-1) == batch.targets).to(torch.uint8)}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the accuracy."""
        return {"accuracy": items["right"].double().mean(1)}
