"""Sequence to sequence (Sutskever, Vinyals & Le 2014; Cho et al. 2014): one network reads, another writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.batches import Batch, Sizes
from unrolled.cells.base import Cell, Generators, Unrolled, constant, linear, per_member, uniform, unroll
from unrolled.models.parts import drop, inside, look_up, weaned

MakeCell = Callable[[int, Generators], Cell]
STOP = 0  # the target symbol that ends an answer


class EncoderDecoder(nn.Module):
    r"""Words in, an answer of another length out.

    The encoder's last state is all that the decoder gets of the input, as in the lecture; with attention it also looks back:

    .. math::
        a_{ts} = \mathrm{softmax}_s(h_t \cdot e_s / \sqrt{H}),\qquad \tilde h_t = \tanh(W [h_t; \textstyle\sum_s a_{ts} e_s])

    Args:
        make_cell: called with the size of its inputs and the generators, once for the encoder and once for the decoder.
        sizes: what goes in and out; `outputs` counts the target symbols, of which 0 is the stop symbol, and `cap` the most steps.
        generators: one per member, for its initial values.
        embedding: size of the word vectors of both sides.
        dropout: share of the inputs of both sides and of the decoder's outputs set to zero while training.
        feedback: what the decoder reads of its answer so far while training: the right one ("target", teacher forcing), its "own", or
            the right one at first and more and more its own ("scheduled"). Afterwards it is always its own.
        attention: whether the decoder looks back at every encoder output (Luong, Pham & Manning 2015, "dot").
        layers, bidirectional, window, path: as of a Reader; only one layer, one direction and no window are built.

    Notes:
        1. The dot product is scaled (Vaswani et al. 2017), and what was attended to is not fed back into the recurrence.
        2. Own answers are read as the symbol of the highest score, through which no gradient flows.

    Raises:
        ValueError: a setting that this model does not have, or no embedding.
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
        attention: bool = False,
    ) -> None:
        super().__init__()
        if layers != 1 or bidirectional or window or not embedding:
            raise ValueError("an encoder-decoder has one layer, one direction, no window and an embedding; "
                             f"here layers={layers}, bidirectional={bidirectional}, window={window}, embedding={embedding}.")
        self.sizes, self.dropout, self.path, self.feedback = sizes, dropout, path, feedback
        self.members, self.progress = len(generators), 0.0
        self.start = sizes.outputs  # what the decoder reads before its first answer
        self.source_embedding = per_member(generators, (sizes.vocabulary, embedding), uniform(0.2))
        self.target_embedding = per_member(generators, (sizes.outputs + 1, embedding), uniform(0.2))
        self.encoder, self.decoder = make_cell(embedding, generators), make_cell(embedding, generators)
        size = self.decoder.output_size
        self.attention_weight = None
        if attention:
            self.attention_weight = per_member(generators, (2 * size, size), uniform(1 / math.sqrt(2 * size)))
        self.output_weight = per_member(generators, (size, sizes.outputs), uniform(1 / math.sqrt(size)))
        self.output_bias = per_member(generators, (1, sizes.outputs), constant(0))

    def forward(self, batch: Batch, dropout_generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """Answer a batch.

        Args:
            batch: inputs of `members` members, or of one that all share; the targets are looked at only while training.
            dropout_generators: one per member while training; None switches dropout off, and every answer is read back.

        Returns:
            (members, batch, steps, outputs): as many steps as the targets have while training, else the cap.
        """
        read, lengths = self.read(batch, dropout_generators)
        if dropout_generators is None:
            return self.write(read, lengths, self.sizes.cap)
        targets = batch.targets.expand(self.members, -1, -1)
        before = nn.functional.pad(targets.clamp(min=STOP), (1, 0), value=self.start)[:, :, :-1]
        if self.feedback == "target":
            vectors = drop(look_up(self.target_embedding, before), self.dropout, dropout_generators)
            return self.score(self.unroll_decoder(vectors, read.state).outputs, read.outputs, lengths, dropout_generators)
        own = weaned(self.progress if self.feedback == "scheduled" else 1.0, before.shape[1:], dropout_generators)
        return self.write(read, lengths, before.shape[2], before, own, dropout_generators)

    def read(self, batch: Batch, dropout_generators: Sequence[torch.Generator] | None = None) -> tuple[Unrolled, Tensor]:
        """Return what the encoder made of the inputs, its state at each sequence's own end, and the lengths (members, batch)."""
        words = batch.inputs.expand(self.members, -1, -1)
        lengths = torch.full(words.shape[:2], words.shape[2], device=words.device) if batch.lengths is None else batch.lengths
        lengths = lengths.expand(self.members, -1)
        vectors = drop(look_up(self.source_embedding, words), self.dropout, dropout_generators)
        return unroll(self.encoder, vectors, lengths=lengths, path=self.path), lengths

    def write(self, read: Unrolled, lengths: Tensor, steps: int, before: Tensor | None = None, own: Tensor | None = None,
              generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """Answer step by step, each answer read back; where `own` is false, the right one `before` (members, batch, steps) instead."""
        state, scores = read.state, []
        answer = torch.full(lengths.shape, self.start, device=lengths.device)
        for step in range(steps):
            symbol = answer if own is None or step == 0 else torch.where(own[:, :, step], answer, before[:, :, step])
            found, state = self.step(symbol, state, read, lengths, generators)
            scores.append(found)
            answer = found.detach().argmax(-1)
        return torch.stack(scores, 2)  # (members, batch, steps, outputs)

    def step(self, symbol: Tensor, state: Any, read: Unrolled, lengths: Tensor,
             generators: Sequence[torch.Generator] | None = None) -> tuple[Tensor, Any]:
        """Read back one symbol (members, batch); return the scores of the next (members, batch, outputs) and the new state."""
        vectors = drop(look_up(self.target_embedding, symbol), self.dropout, generators)
        done = self.unroll_decoder(vectors.unsqueeze(2), state)
        return self.score(done.outputs, read.outputs, lengths, generators).squeeze(2), done.state

    def unroll_decoder(self, vectors: Tensor, state: Any) -> Unrolled:
        """Run the decoder over vectors (members, batch, steps, embedding) from a state on."""
        return unroll(self.decoder, vectors, state, path=self.path)

    def score(self, outputs: Tensor, encoded: Tensor, lengths: Tensor, generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """Return the scores of each symbol from decoder outputs (members, batch, steps, hidden), after a look back if there is one."""
        if self.attention_weight is not None:
            seen = attend(outputs, encoded, lengths)
            outputs = torch.tanh(self._rows(torch.cat([outputs, seen], -1), self.attention_weight))
        return self._rows(drop(outputs, self.dropout, generators), self.output_weight, self.output_bias)

    def _rows(self, values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Multiply the last axis of (members, batch, steps, size) by each member's own matrix."""
        return linear(values.flatten(1, 2), weight, bias).unflatten(1, values.shape[1:3])


def attention_weights(queries: Tensor, encoded: Tensor, lengths: Tensor) -> Tensor:
    """Return how much of each encoder output each query looks at, padding not at all.

    Args:
        queries: (members, batch, steps, hidden).
        encoded: (members, batch, time, hidden).
        lengths: (members, batch).

    Returns:
        (members, batch, steps, time), 1 in sum over time.
    """
    scores = queries @ encoded.transpose(-1, -2) / math.sqrt(queries.shape[-1])
    return scores.masked_fill(~inside(lengths, encoded.shape[2]).unsqueeze(2), float("-inf")).softmax(-1)


def attend(queries: Tensor, encoded: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean of the encoder outputs as weighted by each query: (members, batch, steps, hidden)."""
    return attention_weights(queries, encoded, lengths) @ encoded
