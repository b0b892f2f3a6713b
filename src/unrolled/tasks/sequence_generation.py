"""Generating a sequence without any input (Koutnik, Greff, Gomez & Schmidhuber 2014, "A Clockwork RNN", section 4.1).

One input a step, always 0: the network runs on its biases and its own state, and its output at each step must be that step's
value of the one sequence it is trained on. The score is the squared error as a share of the sequence's variance.

    one wave of period 12   -> 0 .5 .87 1 .87 .5 0 -.5 -.87 -1 -.87 -.5
    that answered by 0 0 0 ... has an error of 1, by half of each value an error of 1/4

The paper used stretches of recorded music, 320 samples at 44.1 kHz; here the sequences are synthetic, a sum of sine waves of like
periods (see `SequenceGeneration.target`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.tasks.base import Items, Task

SHORTEST, LONGEST = 10, 200  # periods in steps: at 44.1 kHz, tones from 4410 down to 220 Hz


class SequenceGeneration(Task):
    """The sequence generation task.

    Each member has a sequence of its own, drawn by its own data generator: ten seeds are ten sequences as well as ten sets of
    initial values. A result on one sequence for all would speak of that sequence (a period of it may suit a clock), however
    many seeds it had. Runs with the same seeds have the same sequences.

    Args:
        folder: not read.
        length: number of steps.
        waves: number of sine waves in a sequence.

    Attributes:
        targets: the sequences of the members in training, (members, 1, time, 1); None before training has begun.

    Notes:
        1. Nothing is held out: validation and test are the training sequence itself, since the question is how well a network
           can be made to hold it. A learning rate is still chosen on other seeds and so on other sequences.
        2. There is one sequence to learn, so a batch is that one row and the setting `batch` changes nothing; updates do.
    """

    headline = "normalised_error"
    higher_is_better = False

    def __init__(self, folder: Path, *, length: int = 320, waves: int = 5) -> None:
        super().__init__(folder)
        if length < SHORTEST:
            raise ValueError(f"length must be at least {SHORTEST}, the shortest wave's period, but is {length}.")
        if waves < 1:
            raise ValueError(f"waves must be at least 1, or there is nothing to generate, but is {waves}.")
        self.length, self.waves = length, waves
        self.sizes = Sizes(features=1, outputs=1, read="each", classes=False)
        self.targets: Tensor | None = None

    @property
    def chance(self) -> dict[str, float]:
        """There is no input to ignore; the best of answers that never change is the mean, which leaves the variance."""
        return {"normalised_error": 1.0}

    def target(self, generator: torch.Generator) -> Tensor:
        """Draw a sequence (time,), synthetic but like a tone: the longest wave is the loudest, the k-th has amplitude 1/k.

        Periods are drawn evenly in their logarithm, so that none is a whole number but by chance, let alone a power of two, and
        phases evenly; the whole is scaled so that its largest value is 1 or -1.
        """
        drawn = torch.rand(2, self.waves, 1, generator=generator, dtype=torch.float64)
        periods = SHORTEST * (LONGEST / SHORTEST) ** drawn[0].sort(0, descending=True).values
        amplitudes = 1 / torch.arange(1, self.waves + 1, dtype=torch.float64).unsqueeze(1)
        steps = torch.arange(self.length, dtype=torch.float64)
        waves = amplitudes * torch.sin(2 * math.pi * (steps / periods + drawn[1]))  # (waves, time)
        total = waves.sum(0)
        return (total / total.abs().max()).float()

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Draw and remember each member's sequence, then yield them for ever: the same batch of one row each time."""
        self.targets = torch.stack([self.target(generator) for generator in generators])[:, None, :, None]
        return itertools.repeat(self._only_batch())

    def evaluation_batches(self, split: str) -> Iterator[Batch]:
        """Yield the training sequences once, whichever the split.

        Raises:
            RuntimeError: training has not begun, so that there are no sequences yet.
        """
        return iter([self._only_batch()])

    def _only_batch(self) -> Batch:
        """Return inputs (1, 1, time, 1) of nothing but 0, and targets (members, 1, time, 1)."""
        if self.targets is None:
            raise RuntimeError("SequenceGeneration has no sequences before training_batches has drawn one for each member.")
        return Batch(torch.zeros(1, 1, self.length, 1), self.targets)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error of each member."""
        return (outputs - batch.targets).square().mean((1, 2, 3))

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the mean squared error of each member's sequence and the sequence's variance.

        The variance is written out: the library's own adds a row up in another order alone than among several.
        """
        outputs, targets = outputs.double(), batch.targets.double()
        deviations = targets - targets.mean((2, 3), keepdim=True)
        return {"squared_error": (outputs - targets).square().mean((2, 3)), "variance": deviations.square().mean((2, 3))}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the mean squared error as a share of the variance."""
        return {"normalised_error": items["squared_error"].mean(1) / items["variance"].mean(1)}
