"""What passes between a task and a model: one batch, for all members at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """A batch of sequences.

    Attributes:
        inputs: (members, batch, time, features) numbers, or (members, batch, time) words. A leading axis of 1 stands for
            data shared by all members, as in every evaluation.
        targets: what is right; its shape is the task's affair. Class labels below 0 do not count.
        lengths: (members, batch) true lengths, or None where all sequences fill the time axis.
        extra: anything more that the task's own scores need.
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None
    extra: Tensor | None = None


class Sizes(NamedTuple):
    """What a model must know of a task.

    Attributes:
        features: size of an input vector; with a vocabulary, 0.
        outputs: size of an output vector.
        vocabulary: number of words, 0 where inputs are numbers.
        read: "each" step is answered, or one answer is drawn from the "last" step, or from the "mean" or "max" over all.
        classes: whether outputs are scores of classes (else plain numbers).
        cap: number of steps after which an answer of any length is broken off; 0 where answers have the length of the input.
        parts: number of equal stretches that the time axis falls into, as a document into sentences.
    """

    features: int
    outputs: int
    vocabulary: int = 0
    read: str = "last"
    classes: bool = True
    cap: int = 0
    parts: int = 1


def stack(batches: list[Batch]) -> Batch:
    """Join the members' own batches along the member axis."""
    return Batch(*(None if parts[0] is None else torch.cat(parts) for parts in zip(*batches, strict=True)))


def move(batch: Batch, device: torch.device) -> Batch:
    """Return the batch on a device."""
    return Batch(*(None if part is None else part.to(device) for part in batch))


def pick(batch: Batch, places: list[int], members: int) -> Batch:
    """Return the batch of some of its members; what all `members` share, with a member axis of 1, they go on sharing."""
    if len(places) == members:
        return batch
    return Batch(*(part if part is None or len(part) != members else part[places] for part in batch))
