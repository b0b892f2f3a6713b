"""A spoken word becomes a vector, and the vector the word's frames again (Audio Word2Vec, Chung et al. 2016)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from unrolled.batches import Batch, Sizes
from unrolled.cells.base import ROWS, Cell, Generators, constant, linear, per_member, reverse, uniform, unroll
from unrolled.models.parts import pool

MakeCell = Callable[[int, Generators], Cell]
TARGET_LENGTH = 0  # column of `Batch.extra` that holds the number of frames to be written
DECODER_INPUTS = ("own", "target", "constant", "none")
FROZEN = ("none", "encoder", "decoder")


class FrameDecoder(nn.Module):
    r"""Writes frames from a vector.

    .. math::
        s_0 = \tanh(V v + c),\quad s_t = \mathrm{cell}(u_t, s_{t-1}),\quad \hat x_t = W s_t + b

    where :math:`u_t` is the frame before (:math:`\hat x_{t-1}` or :math:`x_{t-1}`, zeros at first) or, as a constant, the vector and the
    relative position :math:`[v; t/T]`.

    Args:
        make_cell: called with the size of its inputs and the generators.
        features: size of a frame. size: of the vector.
        reads: "own", "target" or "constant".
        generators: one per member, for its initial values.

    Raises:
        ValueError: a cell without a hidden value that the vector could set.
    """

    def __init__(self, make_cell: MakeCell, features: int, size: int, reads: str, generators: Generators) -> None:
        super().__init__()
        self.features, self.reads = features, reads
        self.cell = make_cell(size + 1 if reads == "constant" else features, generators)
        state = self.cell.initial_state(1)
        if "hidden" not in state._fields:
            raise ValueError(f"an audio autoencoder needs a cell with a hidden layer, which {type(self.cell).__name__} does not carry on.")
        hidden, outputs = state.hidden.shape[-1], self.cell.output_size
        self.start_weight = per_member(generators, (size, hidden), uniform(1 / math.sqrt(size)))
        self.start_bias = per_member(generators, (1, hidden), constant(0))
        self.output_weight = per_member(generators, (outputs, features), uniform(1 / math.sqrt(outputs)))
        self.output_bias = per_member(generators, (1, features), constant(0))

    def forward(self, vectors: Tensor, steps: int, lengths: Tensor, before: Tensor | None, path: str) -> Tensor:
        """Write frames.

        Args:
            vectors: (members, batch, size).
            steps: how many frames are written of each.
            lengths: (members, batch) number of frames that count.
            before: (members, batch, steps, features), the frame before each as teacher forcing reads it; None reads its own.
            path: "loop" or "fused", of the cell.

        Returns:
            (members, batch, steps, features).
        """
        start = torch.tanh(linear(vectors, self.start_weight, self.start_bias))
        state = self.cell.initial_state(vectors.shape[1])._replace(hidden=start)
        if self.reads == "constant":
            before = self._constant(vectors, steps, lengths)
        if before is None:
            return self._write(state, steps)
        outputs = unroll(self.cell, before, state, path=path).outputs
        return linear(outputs.flatten(1, 2), self.output_weight, self.output_bias).unflatten(1, outputs.shape[1:3])

    def _constant(self, vectors: Tensor, steps: int, lengths: Tensor) -> Tensor:
        """Return the vector and the relative position at each step: (members, batch, steps, size + 1)."""
        places = torch.arange(steps, device=vectors.device) / lengths.unsqueeze(-1)  # (members, batch, steps)
        return torch.cat([vectors.unsqueeze(2).expand(-1, -1, steps, -1), places.unsqueeze(-1)], -1)

    def _write(self, state: tuple, steps: int) -> Tensor:
        """Write frame by frame, each read back; the gradient flows through all of them."""
        frame, frames = state.hidden.new_zeros(*state.hidden.shape[:2], self.features), []
        for _ in range(steps):
            output, state = self.cell.step(self.cell.project(frame), state)
            frame = linear(output, self.output_weight, self.output_bias)
            frames.append(frame)
        return torch.stack(frames, 2)  # (members, batch, steps, features)


class AudioAutoencoder(nn.Module):
    """Frames to a vector, the encoder's last output, and back to frames.

    Args:
        make_cell: called with the size of its inputs and the generators, once for each network.
        sizes: what goes in and out; both are frames of the same size.
        generators: one per member, for its initial values.
        bidirectional: a second encoder reads from the last frame to the first, and the vector holds the last output of both.
        path: "loop", or "fused" for the library's kernel where the cell has one.
        decoder_input: what the decoder reads at each step: its "own" last frame (as in the lecture), the right one ("target", teacher
            forcing, though its own after training), the vector and the relative position ("constant"), or there is no decoder ("none").
        frozen: whose parameters stay at their random initial values: "none", the "encoder"'s or the "decoder"'s.
        noise: share of the frames read that are set to zero while training (a denoising autoencoder, Vincent et al. 2008).
        layers, embedding, window, dropout, feedback: as of a Reader; only one layer, and none of the others, are built.

    Notes:
        1. As many frames are written as there are to write: what is compared is the vector, and no symbol ends a word.
        2. Chung et al. give the vector to the decoder as its first state alone; so it is here with "own" and "target".

    Raises:
        ValueError: a setting that this model does not have, or an unknown choice.
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
        decoder_input: str = "own",
        frozen: str = "none",
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        if layers != 1 or window or embedding or dropout or feedback != "own":
            raise ValueError("an audio autoencoder has one layer, no window, no embedding, no dropout (give noise) and no feedback (give "
                             f"decoder_input); here layers={layers}, window={window}, embedding={embedding}, dropout={dropout}, "
                             f"feedback={feedback}.")
        for name, value, known in (("decoder_input", decoder_input, DECODER_INPUTS), ("frozen", frozen, FROZEN)):
            if value not in known:
                raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(known)}.")
        if decoder_input == "none" and frozen != "none":
            raise ValueError(f"frozen is {frozen!r}, but without a decoder (decoder_input: none) there is nothing else to train.")
        if not 0 <= noise < 1:
            raise ValueError(f"noise is a share of frames and must be at least 0 and below 1, but is {noise}.")
        self.members, self.progress = len(generators), 0.0
        self.path, self.decoder_input, self.frozen, self.noise = path, decoder_input, frozen, noise
        self.encoder = make_cell(sizes.features, generators)
        self.backward_encoder = make_cell(sizes.features, generators) if bidirectional else None
        size = self.encoder.output_size * (1 + bidirectional)
        self.decoder = None if decoder_input == "none" else FrameDecoder(make_cell, sizes.outputs, size, decoder_input, generators)

    def forward(self, batch: Batch, dropout_generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """Read a batch and write it again.

        Args:
            batch: inputs (members, batch, time, features) of `members` members, or of one that all share; targets (members, batch, steps,
                features), of which the column `TARGET_LENGTH` of `extra` says how many frames count, the lengths of the inputs without it.
            dropout_generators: one per member while training; None switches noise off, and teacher forcing too.

        Returns:
            (members, batch, size + steps * features): each word's vector, then its frames one after another. Without a decoder the
            vector alone.
        """
        rows, batch = batch.inputs.shape[1], _filled(batch, self.members)
        vectors = self._encode(self._disturb(batch.inputs, dropout_generators), batch.lengths)
        if self.decoder is None:
            return vectors[:, :rows]
        forced = self.decoder_input == "target" and dropout_generators is not None
        frames = self.write(vectors, batch, forced)
        return torch.cat([vectors, frames.flatten(2)], -1)[:, :rows]

    def vectors(self, batch: Batch) -> Tensor:
        """Return the vector of each word: (members, batch, size)."""
        rows, batch = batch.inputs.shape[1], _filled(batch, self.members)
        return self._encode(batch.inputs, batch.lengths)[:, :rows]

    def write(self, vectors: Tensor, batch: Batch, forced: bool) -> Tensor:
        """Return the frames written from vectors (members, batch, size), after the right ones where `forced`, else after its own."""
        lengths = batch.lengths if batch.extra is None else batch.extra[..., TARGET_LENGTH]
        before = nn.functional.pad(batch.targets, (0, 0, 1, 0))[:, :, :-1] if forced else None
        arguments = (vectors.detach() if self.frozen == "encoder" else vectors, batch.targets.shape[2], lengths, before, self.path)
        if self.frozen == "decoder":  # the gradient goes through it to the encoder, but not into it
            held = {name: parameter.detach() for name, parameter in self.decoder.named_parameters()}
            return torch.func.functional_call(self.decoder, held, arguments)
        return self.decoder(*arguments)

    def _disturb(self, inputs: Tensor, generators: Sequence[torch.Generator] | None) -> Tensor:
        """Set a share of the frames (members, batch, time, features) to zero, each member's by its own generator."""
        if generators is None or not self.noise:
            return inputs
        drawn = torch.stack([torch.rand(inputs.shape[1:3], generator=generator, device=generator.device) for generator in generators])
        return inputs * (drawn >= self.noise).unsqueeze(-1)

    def _encode(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the last outputs of one or both encoders; what follows a word's end is read too, but cannot act backwards in time."""
        read = [pool(unroll(self.encoder, inputs, path=self.path).outputs, lengths, "last")]
        if self.backward_encoder is not None:
            read.append(pool(unroll(self.backward_encoder, reverse(inputs, lengths), path=self.path).outputs, lengths, "last"))
        return torch.cat(read, -1)


def _filled(batch: Batch, members: int) -> Batch:
    """Give each member its own view of a batch, filled up with its last row to a multiple of `ROWS` (see `unroll`)."""
    time = batch.inputs.shape[2]
    lengths = torch.full(batch.inputs.shape[:2], time, device=batch.inputs.device) if batch.lengths is None else batch.lengths
    missing = -batch.inputs.shape[1] % ROWS

    def fill(values: Tensor | None) -> Tensor | None:
        if values is None:
            return None
        values = values.expand(members, *values.shape[1:])
        return torch.cat([values, values[:, -1:].expand(-1, missing, *values.shape[2:])], 1) if missing else values

    return Batch(*(fill(part) for part in batch._replace(lengths=lengths)))
