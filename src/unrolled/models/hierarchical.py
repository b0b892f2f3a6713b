"""Documents clause by clause (Li, Luong & Jurafsky 2015, without attention): four networks on two levels read and write."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.batches import Batch, Sizes
from unrolled.cells.base import Cell, Generators, constant, linear, per_member, uniform, unroll
from unrolled.models.encoder_decoder import STOP
from unrolled.models.parts import drop, look_up, pool

MakeCell = Callable[[int, Generators], Cell]


class HierarchicalAutoencoder(nn.Module):
    r"""Words to clause vectors, clause vectors to a document vector, and back.

    .. math::
        c_k = \mathrm{words}(x_{k1}, \dots, x_{kn}),\quad d = \mathrm{clauses}(c_1, \dots, c_K),\qquad
        s_k = \mathrm{clauses}'(d, s_{k-1}),\quad s_0 = d,\quad y_k = \mathrm{words}'(s_k)

    Args:
        make_cell: called with the size of its inputs and the generators, once for each of the four networks.
        sizes: what goes in and out; the time axis falls into `parts` clauses of equal room, in which what follows the end symbol, 0, does
            not count, and `cap` is its length.
        generators: one per member, for its initial values.
        embedding: size of the word vectors of both sides.
        dropout: share of the word vectors of both sides and of the word decoder's outputs set to zero while training.
        feedback: "target", teacher forcing; without training the answer is read back.
        layers, bidirectional, window, path: as of a Reader; only one layer, one direction and no window are built.

    Notes:
        1. The clause decoder begins with the document vector and is also fed it at each clause. Li et al. feed it the state in which the
           word decoder left the clause before; here no clause waits for another, so that all are written at once.
        2. Words of both levels share no weights with each other, and the two sides none either, as in Li et al.

    Raises:
        ValueError: a setting that this model does not have, no embedding, or documents that are not laid out by clause.
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
        feedback: str = "target",
    ) -> None:
        super().__init__()
        if layers != 1 or bidirectional or window or not embedding or feedback != "target":
            raise ValueError("a hierarchical autoencoder has one layer, one direction, no window, an embedding and feedback: target; here "
                             f"layers={layers}, bidirectional={bidirectional}, window={window}, embedding={embedding}, "
                             f"feedback={feedback}.")
        if sizes.parts < 2 or sizes.cap < 1 or sizes.cap % sizes.parts:
            raise ValueError(f"a hierarchical autoencoder needs two clauses or more of equal room, but the task gives cap={sizes.cap} and "
                             f"parts={sizes.parts}; give the run layout: by_clause.")
        self.sizes, self.dropout, self.path = sizes, dropout, path
        self.members, self.progress = len(generators), 0.0
        self.start = sizes.outputs  # what the word decoder reads before the first word of each clause
        self.source_embedding = per_member(generators, (sizes.vocabulary, embedding), uniform(0.2))
        self.target_embedding = per_member(generators, (sizes.outputs + 1, embedding), uniform(0.2))
        self.word_encoder = make_cell(embedding, generators)
        size = self.word_encoder.output_size
        self.clause_encoder, self.clause_decoder = make_cell(size, generators), make_cell(size, generators)
        self.word_decoder = make_cell(embedding, generators)
        self.output_weight = per_member(generators, (size, sizes.outputs), uniform(1 / math.sqrt(size)))
        self.output_bias = per_member(generators, (1, sizes.outputs), constant(0))

    def forward(self, batch: Batch, dropout_generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """Answer a batch.

        Args:
            batch: inputs (members, batch, parts * steps) of `members` members, or of one that all share; the targets are looked at only
                while training.
            dropout_generators: one per member while training; None switches dropout off, and every answer is read back.

        Returns:
            (members, batch, parts * steps, outputs).
        """
        state = self.plan(*self.encode(batch, dropout_generators))
        scores = self.write(state) if dropout_generators is None else self.follow(batch.targets, state, dropout_generators)
        return scores.unflatten(1, (-1, self.sizes.parts)).flatten(2, 3)

    def vector(self, batch: Batch) -> Tensor:
        """Return all that the decoders get of each document: (members, batch, hidden), twice as wide where a cell has a memory too."""
        return torch.cat(tuple(self.encode(batch)[1]), -1)

    def encode(self, batch: Batch, generators: Sequence[torch.Generator] | None = None) -> tuple[Tensor, Any]:
        """Return the clause encoder's last output (members, batch, hidden) and its last state."""
        words = self._by_clause(batch.inputs)
        inside_before_end = (words == STOP).int().cumsum(-1) == 0
        lengths = (inside_before_end.sum(-1) + 1).clamp(max=words.shape[2])  # of words and the end
        vectors = drop(look_up(self.source_embedding, words), self.dropout, generators)
        clauses = pool(unroll(self.word_encoder, vectors, lengths=lengths, path=self.path).outputs, lengths, "last")
        read = unroll(self.clause_encoder, clauses.unflatten(1, (-1, self.sizes.parts)), path=self.path)
        return read.outputs[:, :, -1], read.state

    def plan(self, document: Tensor, state: Any) -> Any:
        """Return the state from which each clause is written: (members, batch * parts, hidden)."""
        planned = []
        for _ in range(self.sizes.parts):
            state = unroll(self.clause_decoder, document.unsqueeze(2), state, path=self.path).state
            planned.append(state)
        return type(state)(*(torch.stack(parts, 2).flatten(1, 2) for parts in zip(*planned, strict=True)))

    def follow(self, targets: Tensor, state: Any, generators: Sequence[torch.Generator]) -> Tensor:
        """Score each symbol after the right ones before it: (members, batch * parts, steps, outputs)."""
        before = nn.functional.pad(self._by_clause(targets).clamp(min=STOP), (1, 0), value=self.start)[:, :, :-1]
        vectors = drop(look_up(self.target_embedding, before), self.dropout, generators)
        return self._score(drop(unroll(self.word_decoder, vectors, state, path=self.path).outputs, self.dropout, generators))

    def write(self, state: Any) -> Tensor:
        """Write all clauses symbol by symbol, each read back: (members, batch * parts, steps, outputs)."""
        symbol, scores = torch.full(state[0].shape[:2], self.start, device=state[0].device), []
        for _ in range(self.sizes.cap // self.sizes.parts):
            done = unroll(self.word_decoder, look_up(self.target_embedding, symbol).unsqueeze(2), state, path=self.path)
            scores.append(self._score(done.outputs))
            symbol, state = scores[-1].squeeze(2).argmax(-1), done.state
        return torch.cat(scores, 2)

    def _by_clause(self, words: Tensor) -> Tensor:
        """Cut (1 or members, batch, parts * steps) into clauses: (members, batch * parts, steps)."""
        return words.expand(self.members, -1, -1).unflatten(2, (self.sizes.parts, -1)).flatten(1, 2)

    def _score(self, outputs: Tensor) -> Tensor:
        """Return the scores of each symbol from outputs (members, rows, steps, hidden)."""
        return linear(outputs.flatten(1, 2), self.output_weight, self.output_bias).unflatten(1, outputs.shape[1:3])
