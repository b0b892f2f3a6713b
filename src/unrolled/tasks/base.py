"""What every task owns: its data, its loss, its scores, and what chance would score."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes, stack

Items = Mapping[str, Tensor]
DRAWN_AHEAD = 16  # batches of a generated task drawn at once, which takes a third of the time of one by one
EVALUATED_TOGETHER = 250


class Task(ABC):
    """A question with its answers.

    Args:
        folder: the frozen data it reads; a generated task looks at none.

    Attributes:
        sizes: what goes in and out.
        headline: the metric that learning rates are chosen by and that figures show.
        higher_is_better: its direction.
        test_size: number of generated sequences in the validation and in the test split.
    """

    sizes: Sizes
    headline: ClassVar[str]
    higher_is_better: ClassVar[bool]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    @abstractmethod
    def chance(self) -> dict[str, float]:
        """Score of the best predictor that ignores the input, by metric."""

    @abstractmethod
    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Yield batches for ever, each member's drawn by its own generator."""

    @abstractmethod
    def evaluation_batches(self, split: str) -> Iterator[Batch]:
        """Yield all of "validation" or "test" once, with a member axis of 1."""

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the loss of each member: (members,)."""

    @abstractmethod
    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return what is counted of each sequence, by name: (members, batch)."""

    @abstractmethod
    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the scores over a whole split from `items` joined along the batch axis: (members,) each."""

    def updates_per_epoch(self, batch: int) -> int:
        """Return the number of batches in one pass over the training data.

        Raises:
            NotImplementedError: the task is generated without end.
        """
        raise NotImplementedError(f"{type(self).__name__} draws its data without end; give updates, not epochs.")


class GeneratedTask(Task):
    """A task whose sequences are drawn as they are needed, so that none is seen twice in training."""

    test_size: ClassVar[int] = 1000

    @abstractmethod
    def sample(self, size: int, generator: torch.Generator) -> Batch:
        """Draw `size` sequences, with a member axis of 1."""

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Draw several batches at a time and hand them out one by one."""
        while True:
            drawn = stack([self.sample(DRAWN_AHEAD * batch, generator) for generator in generators])
            for start in range(0, DRAWN_AHEAD * batch, batch):
                yield Batch(*(None if part is None else part[:, start : start + batch] for part in drawn))

    def evaluation_batches(self, split: str) -> Iterator[Batch]:
        """Draw the split by its own fixed seed: the same sequences for every run."""
        generator = torch.Generator().manual_seed({"validation": 7_000_001, "test": 7_000_002}[split])
        for start in range(0, self.test_size, EVALUATED_TOGETHER):
            yield self.sample(min(EVALUATED_TOGETHER, self.test_size - start), generator)


class StoredTask(Task):
    """A task on a fixed set of sequences, in batches of like length.

    A subclass fills `splits`: name -> Batch of numpy arrays without member axis, padded to the longest. Sequences are sorted into
    buckets by length. The order of buckets is common to all members (it must be, since they share one time axis), the
    order of sequences within a bucket is each member's own; a batch is padded to its bucket's ceiling, not to its longest
    sequence, so that company changes nothing.
    """

    ceilings: Sequence[int]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.splits: dict[str, Batch] = {}

    def _buckets(self, split: str) -> list[tuple[int, np.ndarray]]:
        """Return (ceiling, indices of the sequences that fit it but no lower one) of each bucket that is not empty."""
        data = self.splits[split]
        if data.lengths is None:
            return [(data.inputs.shape[1], np.arange(len(data.inputs)))]
        if (longest := int(np.max(data.lengths, initial=0))) > self.ceilings[-1]:
            raise ValueError(f"a sequence of {split} has {longest} steps, more than the last ceiling, {self.ceilings[-1]}; raise that.")
        lowest = np.searchsorted(np.asarray(self.ceilings), np.asarray(data.lengths))
        return [(ceiling, np.flatnonzero(lowest == place)) for place, ceiling in enumerate(self.ceilings)
                if (lowest == place).any()]

    def updates_per_epoch(self, batch: int) -> int:
        """Count the batches, the last and smaller one of each bucket included."""
        return sum(-(-len(indices) // batch) for _, indices in self._buckets("train"))

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Go through the training data again and again, in another order each time."""
        buckets = self._buckets("train")
        for epoch in itertools.count():
            orders = [[indices[torch.randperm(len(indices), generator=generator).numpy()] for _, indices in buckets]
                      for generator in generators]
            places = [(bucket, start) for bucket, (_, indices) in enumerate(buckets) for start in range(0, len(indices), batch)]
            for place in np.random.default_rng(epoch).permutation(len(places)):
                bucket, start = places[place]
                chosen = np.stack([order[bucket][start : start + batch] for order in orders])
                yield self._take("train", chosen, buckets[bucket][0])

    def evaluation_batches(self, split: str) -> Iterator[Batch]:
        """Yield the split's sequences in the order of their buckets; `item_order` tells which is which."""
        for ceiling, indices in self._buckets(split):
            for start in range(0, len(indices), EVALUATED_TOGETHER):
                yield self._take(split, indices[None, start : start + EVALUATED_TOGETHER], ceiling)

    def item_order(self, split: str) -> np.ndarray:
        """Return the index in the data of each sequence, in the order in which they are evaluated."""
        return np.concatenate([indices for _, indices in self._buckets(split)])

    def _take(self, split: str, chosen: np.ndarray, ceiling: int) -> Batch:
        """Return sequences (members, batch) cut to the ceiling."""
        data = self.splits[split]
        inputs = data.inputs[chosen][:, :, :ceiling]
        per_step = data.lengths is not None and np.ndim(data.targets) > 1
        targets = data.targets[chosen][:, :, :ceiling] if per_step else data.targets[chosen]
        lengths = None if data.lengths is None else torch.from_numpy(data.lengths[chosen])
        extra = None if data.extra is None else torch.from_numpy(data.extra[chosen])
        return Batch(torch.from_numpy(inputs), torch.from_numpy(targets), lengths, extra)


def class_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return each member's mean cross-entropy over the targets that count (those not below 0).

    Args:
        outputs: (members, ..., classes).
        targets: (members, ...) class numbers; a member axis of 1 is shared.

    Returns:
        (members,) in nats.
    """
    targets = targets.expand(outputs.shape[:-1])
    losses = torch.nn.functional.cross_entropy(
        outputs.flatten(0, -2), targets.reshape(-1), ignore_index=-100, reduction="none").view(len(outputs), -1)
    return losses.sum(1) / (targets >= 0).flatten(1).sum(1)
