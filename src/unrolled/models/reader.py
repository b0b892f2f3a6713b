"""The reader: a stack of cells in one or two directions, with an answer at each step or after the last."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from unrolled.batches import Batch, Sizes
from unrolled.cells.base import Cell, Generators, constant, linear, per_member, reverse, uniform, unroll
from unrolled.models.parts import drop, inside, look_up, pool, weaned

MakeCell = Callable[[int, Generators], Cell]


class Reader(nn.Module):
    """Words or numbers in, class scores or numbers out.

    Args:
        make_cell: called with the size of its inputs and the generators, once per layer and direction.
        sizes: what goes in and out.
        generators: one per member, for its initial values.
        layers: depth of the stack.
        bidirectional: a second stack reads each sequence from its end; their outputs stand side by side.
        embedding: size of the word vectors; 0 gives the cell one-hot words.
        window: number of neighbouring words on each side that are seen with a word.
        dropout: share of the inputs and of each layer's outputs set to zero while training; of outputs that are predictions, none.
        path: see `unrolled.cells.base.unroll`.
        feedback: while training, a Jordan cell is fed its "own" last answer, or the right one ("target", teacher forcing), or the right
            one at first and more and more its own ("scheduled").

    Notes:
        A Jordan cell's outputs are already predictions, so one in one direction needs no further read-out; its hidden layer lies within
        the recurrence and has no dropout.

    Raises:
        ValueError: a setting that would do nothing here: an embedding or a window without words, an answer fed back to a cell that
            reads none.
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
        if (embedding or window) and not sizes.vocabulary:
            raise ValueError(f"embedding is {embedding} and window is {window}, but this task's inputs are no words; leave both out.")
        self.sizes, self.window, self.dropout, self.path = sizes, window, dropout, path
        self.feedback, self.members, self.progress = feedback, len(generators), 0.0
        self.embedding = None
        if sizes.vocabulary and embedding:
            self.embedding = per_member(generators, (sizes.vocabulary, embedding), uniform(0.2))
        features = (embedding or sizes.vocabulary or sizes.features) * (2 * window + 1)
        directions = 2 if bidirectional else 1
        self.forward_cells, self.backward_cells = nn.ModuleList(), nn.ModuleList()
        for _ in range(layers):
            self.forward_cells.append(make_cell(features, generators))
            if bidirectional:
                self.backward_cells.append(make_cell(features, generators))
            features = self.forward_cells[-1].output_size * directions
        if feedback != "own" and (bidirectional or not self.forward_cells[-1].reads_out or not sizes.classes or sizes.read != "each"):
            raise ValueError(f"feedback is {feedback!r}, but only a Jordan cell in one direction that answers at each step with a class "
                             "reads an answer; leave it out.")
        self.output_weight = self.output_bias = None
        if bidirectional or not self.forward_cells[-1].reads_out:
            self.output_weight = per_member(generators, (features, sizes.outputs), uniform(1 / math.sqrt(features)))
            self.output_bias = per_member(generators, (1, sizes.outputs), constant(0))

    def forward(self, batch: Batch, dropout_generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """Answer a batch.

        Args:
            batch: inputs of `members` members, or of one that all share.
            dropout_generators: one per member while training; None switches dropout and teacher forcing off.

        Returns:
            (members, batch, time, outputs), or (members, batch, outputs) where only the last step is read.
        """
        lengths = None if batch.lengths is None else batch.lengths.expand(self.members, -1)
        feedback, own = self._fed(batch, dropout_generators)
        hidden = drop(self.embed(batch.inputs, lengths), self.dropout, dropout_generators)
        for layer, cell in enumerate(self.forward_cells):
            outputs = unroll(cell, hidden, feedback=feedback, own=own, path=self.path).outputs
            parts = [pool(outputs, lengths, self.sizes.read) if self._answers_once(layer) else outputs]
            if self.backward_cells:
                mirrored = unroll(self.backward_cells[layer], reverse(hidden, lengths), path=self.path).outputs
                parts.append(pool(mirrored, lengths, self.sizes.read) if self._answers_once(layer) else reverse(mirrored, lengths))
            hidden = torch.cat(parts, -1)
            if self.output_weight is not None or layer < len(self.forward_cells) - 1:  # else these are the predictions
                hidden = drop(hidden, self.dropout, dropout_generators)
        return self._read_out(hidden)

    def _answers_once(self, layer: int) -> bool:
        return self.sizes.read != "each" and layer == len(self.forward_cells) - 1

    def _fed(self, batch: Batch, generators: Sequence[torch.Generator] | None) -> tuple[Tensor | None, Tensor | None]:
        """Return what is fed back in place of own answers while training, and where own answers are read all the same."""
        if generators is None or self.feedback == "own":
            return None, None
        targets = self._targets_before(batch)
        return targets, weaned(self.progress, targets.shape[1:3], generators) if self.feedback == "scheduled" else None

    def embed(self, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """Return input vectors (members, batch, time, features), with the window's neighbours beside each word.

        Beyond either end of a sentence a neighbour is zeros, however far the batch is padded.
        """
        if not self.sizes.vocabulary:
            return inputs.expand(self.members, -1, -1, -1)
        words = inputs.expand(self.members, -1, -1)
        if self.embedding is None:
            vectors = nn.functional.one_hot(words, self.sizes.vocabulary).to(self.forward_cells[0].input_weight.dtype)
        else:
            vectors = look_up(self.embedding, words)
        if not self.window:
            return vectors
        time = vectors.shape[2]
        if lengths is not None:
            vectors = vectors * inside(lengths, time).unsqueeze(-1)
        padded = nn.functional.pad(vectors, (0, 0, self.window, self.window))
        return torch.cat([padded[:, :, shift : shift + time] for shift in range(2 * self.window + 1)], -1)

    def _read_out(self, hidden: Tensor) -> Tensor:
        if self.output_weight is None:
            return hidden
        rows = hidden.reshape(self.members, -1, hidden.shape[-1])
        return linear(rows, self.output_weight, self.output_bias).unflatten(1, hidden.shape[1:-1])

    def _targets_before(self, batch: Batch) -> Tensor:
        """Return the right answer of the step before each step, nothing before the first: (members, batch, time, size)."""
        targets = batch.targets.expand(self.members, -1, -1)
        known = nn.functional.one_hot(targets.clamp(min=0), self.sizes.outputs) * (targets >= 0).unsqueeze(-1)
        return nn.functional.pad(known, (0, 0, 1, 0))[:, :, :-1].to(self.forward_cells[0].input_weight.dtype)
