"""The temporal order problem (Hochreiter & Schmidhuber 1997, task 6a, with the positions of Pascanu et al. 2013).

Six symbols, one-hot. At one step between T/10 and 2T/10 and at another between 4T/10 and 5T/10 stands a or b, at all others one
of the distractors c, d, e, f. The answer, after the last step, is which two came in which order: aa, ab, ba or bb.

    c a d f b e c d e f   -> ab (class 1)
    f b e c a d d c f e   -> ba (class 2)
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.tasks.base import GeneratedTask, Items, class_loss

SYMBOLS = 6


class TemporalOrder(GeneratedTask):
    """The temporal order problem.

    Args:
        folder: not read.
        length: number of steps, at least 10.
        solved_above: accuracy above which a member counts as having solved it.
    """

    headline = "accuracy"
    higher_is_better = True

    def __init__(self, folder: Path, *, length: int = 50, solved_above: float = 0.95) -> None:
        super().__init__(folder)
        if length < 10:
            raise ValueError(f"length must be at least 10, or its two places do not exist, but is {length}.")
        self.length, self.solved_above = length, solved_above
        self.sizes = Sizes(features=SYMBOLS, outputs=4)

    @property
    def chance(self) -> dict[str, float]:
        """Four answers, equally likely."""
        return {"accuracy": 0.25, "success": 0.0}

    def sample(self, size: int, generator: torch.Generator) -> Batch:
        """Draw sequences: inputs (1, size, time, 6), targets (1, size)."""
        tenth = self.length / 10
        symbols = torch.randint(2, SYMBOLS, (size, self.length), generator=generator)
        told = torch.randint(0, 2, (size, 2), generator=generator)
        first = torch.randint(int(tenth), int(2 * tenth), (size, 1), generator=generator)
        second = torch.randint(int(4 * tenth), int(5 * tenth), (size, 1), generator=generator)
        symbols.scatter_(1, first, told[:, :1]).scatter_(1, second, told[:, 1:])
        inputs = torch.nn.functional.one_hot(symbols, SYMBOLS).float()
        return Batch(inputs[None], (2 * told[:, 0] + told[:, 1])[None])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of each member."""
        return class_loss(outputs, batch.targets)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return 1 for each sequence that is answered right."""
        return {"right": (outputs.argmax(-1) == batch.targets).to(torch.uint8)}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the accuracy, and whether it lies above `solved_above`."""
        accuracy = items["right"].double().mean(1)
        return {"accuracy": accuracy, "success": (accuracy > self.solved_above).double()}
