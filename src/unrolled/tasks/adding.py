"""The adding problem (Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio 2016).

Two inputs a step: a number drawn evenly from [0, 1], and a mark that is 1 at two steps, one in each half of the sequence, and
0 elsewhere. The answer, after the last step, is the sum of the two marked numbers.

    numbers .2 .9 .5 .1   marks 0 1 0 1   -> 1.0
    numbers .4 .3 .8 .6   marks 1 0 1 0   -> 1.2
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.tasks.base import GeneratedTask, Items


class Adding(GeneratedTask):
    """The adding problem.

    Args:
        folder: not read.
        length: number of steps.
        solved_below: mean squared error below which a member counts as having solved it.
    """

    headline = "mean_squared_error"
    higher_is_better = False

    def __init__(self, folder: Path, *, length: int = 50, solved_below: float = 0.02) -> None:
        super().__init__(folder)
        self.length, self.solved_below = length, solved_below
        self.sizes = Sizes(features=2, outputs=1, classes=False)

    @property
    def chance(self) -> dict[str, float]:
        """Answering 1, the mean, leaves the variance of a sum of two even draws: 2/12."""
        return {"mean_squared_error": 1 / 6, "success": 0.0}

    def sample(self, size: int, generator: torch.Generator) -> Batch:
        """Draw sequences: inputs (1, size, time, 2), targets (1, size, 1)."""
        half = self.length // 2
        numbers = torch.rand(size, self.length, generator=generator)
        first = torch.randint(0, half, (size, 1), generator=generator)
        second = torch.randint(half, self.length, (size, 1), generator=generator)
        marks = torch.zeros_like(numbers).scatter_(1, first, 1.0).scatter_(1, second, 1.0)
        return Batch(torch.stack([numbers, marks], -1)[None], (numbers * marks).sum(1, keepdim=True)[None])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error of each member."""
        return (outputs - batch.targets).square().mean((1, 2))

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the squared error of each sequence."""
        return {"squared_error": (outputs - batch.targets).square().squeeze(-1)}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the mean squared error, and whether it lies below `solved_below`."""
        error = items["squared_error"].double().mean(1)
        return {"mean_squared_error": error, "success": (error < self.solved_below).double()}
