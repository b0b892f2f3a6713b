"""A bag of words as a network: the mean of the word vectors, and a linear answer. It cannot see in which order the words stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from unrolled.batches import Batch, Sizes
from unrolled.cells.base import Cell, Generators, constant, linear, per_member, uniform
from unrolled.models.parts import drop, look_up, pool

MakeCell = Callable[[int, Generators], Cell]


class Averaged(nn.Module):
    r"""Averaged word vectors (as in fastText, Joulin et al. 2017): :math:`y = V \frac{1}{T}\sum_t E_{x_t} + c`.

    Args:
        make_cell: never called; there is no recurrence.
        sizes: what goes in and out: words in, one answer out.
        generators: one per member, for its initial values.
        embedding: size of the word vectors.
        dropout: share of the word vectors and of their mean set to zero while training.
        layers, bidirectional, window, path, feedback: as of a Reader, for which there is no room here: only their defaults are taken.

    Raises:
        ValueError: a setting that this model does not have, no words, no embedding, or an answer at each step.
    """

    def __init__(
        self,
        make_cell: MakeCell,
        sizes: Sizes,
        generators: Generators,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        embedding: int = 0,
        window: int = 0,
        dropout: float = 0.0,
        path: str = "loop",
        feedback: str = "own",
    ) -> None:
        super().__init__()
        given = {"layers": layers, "bidirectional": bidirectional, "window": window, "path": path, "feedback": feedback}
        if given != {"layers": 1, "bidirectional": False, "window": 0, "path": "loop", "feedback": "own"}:
            raise ValueError(f"model averaged has no recurrence, so these must be left at their defaults: {given}.")
        if not (sizes.vocabulary and embedding) or sizes.read == "each":
            raise ValueError("model averaged needs words, an embedding above 0 and a task with one answer, but has "
                             f"vocabulary={sizes.vocabulary}, embedding={embedding}, read={sizes.read!r}.")
        self.members, self.dropout, self.progress = len(generators), dropout, 0.0
        self.embedding = per_member(generators, (sizes.vocabulary, embedding), uniform(0.2))
        self.output_weight = per_member(generators, (embedding, sizes.outputs), uniform(1 / math.sqrt(embedding)))
        self.output_bias = per_member(generators, (1, sizes.outputs), constant(0))

    def forward(self, batch: Batch, dropout_generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """Answer a batch.

        Args:
            batch: inputs of `members` members, or of one that all share.
            dropout_generators: one per member while training; None switches dropout off.

        Returns:
            (members, batch, outputs).
        """
        lengths = None if batch.lengths is None else batch.lengths.expand(self.members, -1)
        vectors = look_up(self.embedding, batch.inputs.expand(self.members, -1, -1))  # (members, batch, time, embedding)
        mean = pool(drop(vectors, self.dropout, dropout_generators), lengths, "mean")  # (members, batch, embedding)
        return linear(drop(mean, self.dropout, dropout_generators), self.output_weight, self.output_bias)
