"""What models share beside their cells: word vectors, dropout, and what is fed back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unrolled.cells.base import inside


def look_up(embedding: Tensor, words: Tensor) -> Tensor:
    """Return each member's own vectors of its words.

    Args:
        embedding: (members, vocabulary, size).
        words: (members, ...) whole numbers.

    Returns:
        (members, ..., size).
    """
    members, vocabulary, _ = embedding.shape
    offset = torch.arange(members, device=words.device).view(-1, *(1,) * (words.dim() - 1)) * vocabulary
    return nn.functional.embedding(words + offset, embedding.flatten(0, 1))


def drop(values: Tensor, share: float, generators: Sequence[torch.Generator] | None) -> Tensor:
    """Set a share to zero, each member's by its own generator, so that company changes nothing.

    Args:
        values: (members, ...).
        share: how much is set to zero; the rest grows so that sums keep their mean.
        generators: one per member while training; None changes nothing.
    """
    if generators is None or not share:
        return values
    keep, size = 1 - share, values[0].numel()
    drawn = torch.stack([_sixteen_bits(size, generator) for generator in generators]).view(values.shape)
    return values * drawn.to(values.dtype).lt_(keep * 2**16 - 2**15).mul_(1 / keep)  # a mask of booleans would take ten times as long


def _sixteen_bits(size: int, generator: torch.Generator) -> Tensor:
    """Draw whole numbers from -2^15 to 2^15 - 1, four from each number of 64 bits: (size,)."""
    drawn = torch.empty(-(-size // 4), dtype=torch.int64, device=generator.device)
    return drawn.random_(-(2**63), None, generator=generator).view(torch.int16)[:size]


def weaned(progress: float, shape: Sequence[int], generators: Sequence[torch.Generator]) -> Tensor:
    """Draw at which steps a network reads its own last answer instead of the right one (scheduled sampling, Bengio et al. 2015).

    Args:
        progress: share of the training that is done. The share of own answers grows with it in a line, up to all of them at 60 %.
        shape: (batch, time).
        generators: one per member.

    Returns:
        (members, batch, time) true where its own answer is read.
    """
    share = min(1.0, progress / 0.6)
    return torch.stack([torch.rand(tuple(shape), generator=generator, device=generator.device) for generator in generators]) < share


def pool(outputs: Tensor, lengths: Tensor | None, read: str) -> Tensor:
    """Make one vector of a sequence of outputs.

    Args:
        outputs: (members, batch, time, size).
        lengths: (members, batch), None where all sequences fill the time axis.
        read: "last" step, or "mean" or "max" over the steps of each sequence.

    Returns:
        (members, batch, size).
    """
    time = outputs.shape[2]
    if read == "last":
        if lengths is None:
            return outputs[:, :, -1]
        index = (lengths - 1).view(*lengths.shape, 1, 1).expand(-1, -1, 1, outputs.shape[-1])
        return outputs.gather(2, index).squeeze(2)
    counted = torch.ones(outputs.shape[:3], dtype=torch.bool, device=outputs.device) if lengths is None else inside(lengths, time)
    if read == "max":
        return outputs.masked_fill(~counted.unsqueeze(-1), float("-inf")).amax(2)
    return (outputs * counted.unsqueeze(-1)).sum(2) / counted.sum(-1, keepdim=True)
