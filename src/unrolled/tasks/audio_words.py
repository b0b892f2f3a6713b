"""Spoken words become vectors without labels, by which a word is found again when another voice says it (Chung et al. 2016).

    near (voice 4): 61 frames of 26 numbers -> a vector -> 61 frames
    which of the archive's 760 words, said by ten other voices, have the nearest vectors? near, near, fear, near, ...

The words of the test split are never learned from, nor are its voices. What a word is, is looked at for scores alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unrolled import retrieval
from unrolled.batches import Batch, Sizes
from unrolled.models.audio_autoencoder import TARGET_LENGTH
from unrolled.models.parts import inside
from unrolled.tasks.base import Items
from unrolled.tasks.spoken_words import ARCHIVE, NEIGHBOURS, PLACE, QUERY, ROLE, SEEN, VOICE, WORD, SpokenWords

TEMPERATURE = 0.1  # of the contrastive loss
SHORTEST_CROP = 0.8  # share of a word that a view of it keeps at least


class AudioWords(SpokenWords):
    """Spoken words, read and written again.

    Args:
        folder: frozen set "spoken_words".
        objective: "reconstruction" of the frames, or "contrastive" for an encoder alone: of all words of a batch, its other view is to
            have the nearest vector (van den Oord, Li & Vinyals 2018; Chen et al. 2020).
        pairs: "none": a word is written again as it was said, and its other view is another cut of the same recording. "mined": in its
            place stands one of the nearest words of other voices, found without labels (correspondence training, Kamper 2019).
        every, normalised_by, limit: as of SpokenWords.

    Attributes:
        neighbours: (training words, NEIGHBOURS) places of the mined words.

    Raises:
        DataError, ValueError: as SpokenWords, or another unknown choice.
    """

    headline, higher_is_better = "mean_average_precision", True

    def __init__(self, folder: Path, *, objective: str = "reconstruction", pairs: str = "none", every: int = 1,
                 normalised_by: str = "utterance", limit: int = 0) -> None:
        super().__init__(folder, every, normalised_by, limit)
        for name, value, known in (("objective", objective, ("reconstruction", "contrastive")), ("pairs", pairs, ("none", "mined"))):
            if value not in known:
                raise ValueError(f"{name} is {value!r}, but must be {' or '.join(known)}.")
        self.objective, self.pairs = objective, pairs
        size = self.splits["train"].inputs.shape[-1]
        self.sizes = Sizes(features=size, outputs=size, read="each", classes=False)
        self.neighbours = self.mine() if pairs == "mined" else None

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Go through the words in buckets; what is to be written, or the other view, is drawn by each member's own generator."""
        for words in super().training_batches(generators, batch):
            time = words.inputs.shape[2]
            if self.pairs == "mined":
                words = self._with_neighbours(words, generators)
            if self.objective == "contrastive":
                yield two_views(words) if self.pairs == "mined" else two_views(_cropped(words, generators), _cropped(words, generators))
            else:
                yield words if self.pairs == "mined" else words._replace(targets=words.targets[:, :, :time])

    def _with_neighbours(self, words: Batch, generators: Sequence[torch.Generator]) -> Batch:
        """Put one of each word's neighbours, cut to the next bucket's ceiling, in the place of what is to be written."""
        drawn = torch.stack([torch.randint(NEIGHBOURS, words.lengths.shape[1:], generator=generator) for generator in generators])
        places = self.neighbours[words.extra[..., PLACE].numpy(), drawn.numpy()]
        ceiling = [*self.ceilings, self.ceilings[-1]][self.ceilings.index(words.inputs.shape[2]) + 1]
        data, extra = self.splits["train"], words.extra.clone()
        extra[..., TARGET_LENGTH] = torch.from_numpy(data.lengths[places])
        return words._replace(targets=torch.from_numpy(data.inputs[places][:, :, :ceiling]), extra=extra)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error over all frames that count, or the contrastive loss."""
        if self.objective == "contrastive":
            return contrastive_loss(outputs)
        errors, lengths = self._errors(outputs, batch)
        return errors.sum(1) / (lengths.sum(1) * self.sizes.outputs)

    def _errors(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the sum of squared errors of each word's frames and the number of frames: (members, batch) each."""
        _, frames = self.unpack(outputs, batch)
        lengths = batch.extra[..., TARGET_LENGTH]
        squares = (frames - batch.targets).square().sum(-1)  # (members, batch, steps)
        return (squares * inside(lengths, squares.shape[2])).sum(2), lengths

    def unpack(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return vectors (members, batch, size) and frames (members, batch, steps, features) of a model's outputs."""
        steps, features = batch.targets.shape[2:]
        vectors, frames = outputs.split((outputs.shape[2] - steps * features, steps * features), -1)
        return vectors, frames.unflatten(-1, (steps, features))

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return each word's vector (members, batch, size) and labels, in half precision since they are kept, and its mean squared error.

        An encoder alone has no error.
        """
        labels = batch.extra.expand(len(outputs), -1, -1).short()
        found = {"word": labels[..., WORD], "voice": labels[..., VOICE], "role": labels[..., ROLE]}
        if self.objective == "contrastive":
            return found | {"vector": outputs.half()}
        errors, lengths = self._errors(outputs, batch)
        return found | {"vector": self.unpack(outputs, batch)[0].half(), "squared_error": errors / (lengths * self.sizes.outputs)}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return how well queries find their words in the archive, which other voices speak.

        `voice_mean` marks vectors without their voice's mean, `seen` words that were learned from (where the split holds any).
        """
        labels, found = [items[name].numpy() for name in ("word", "voice", "role")], {}
        for member, vectors in enumerate(items["vector"].float().numpy()):
            for name, value in scores(vectors, *(label[member] for label in labels)).items():
                found.setdefault(name, []).append(value)
        scored = {name: torch.tensor(values, dtype=torch.float64) for name, values in found.items()}
        if "squared_error" in items:
            new = items["role"] < SEEN
            scored["reconstruction_loss"] = (items["squared_error"] * new).sum(1) / new.sum(1)
        return scored


def scores(vectors: np.ndarray, words: np.ndarray, voices: np.ndarray, roles: np.ndarray) -> dict[str, float]:
    """Score one member's vectors (pieces, size)."""
    found: dict[str, float] = {}
    for seen, ending in ((0, ""), (SEEN, "_seen")):
        asked, held = roles == QUERY + seen, roles == ARCHIVE + seen
        if not (asked.any() and held.any()):
            continue
        chosen = asked | held
        for kind, values in (("", vectors), ("_voice_mean", _without_means(vectors, voices, chosen))):
            distances = retrieval.cosine_distances(values[asked], values[held])
            labels = words[asked], words[held]
            found[f"mean_average_precision{kind}{ending}"] = float(retrieval.average_precisions(distances, *labels).mean())
            found[f"precision_at_1{kind}{ending}"] = float(retrieval.first_hits(distances, *labels).mean())
            found[f"average_precision{kind}{ending}"] = retrieval.same_different(distances, *labels)
    return found


def _without_means(vectors: np.ndarray, voices: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Subtract the voices' means among the chosen pieces alone."""
    found = vectors.copy()
    found[chosen] = retrieval.without_voice_means(vectors[chosen], voices[chosen])
    return found


def two_views(words: Batch, others: Batch | None = None) -> Batch:
    """Return a batch twice as large: first the words, then the other view of each, by default what they are paired with."""
    others = words._replace(inputs=words.targets, lengths=words.extra[..., TARGET_LENGTH]) if others is None else others
    missing = others.inputs.shape[2] - words.inputs.shape[2]
    read = torch.nn.functional.pad(words.inputs, (0, 0, 0, missing))
    inputs = torch.cat([read, others.inputs], 1)
    return Batch(inputs, inputs, torch.cat([words.lengths, others.lengths], 1))


def _cropped(words: Batch, generators: Sequence[torch.Generator]) -> Batch:
    """Cut a stretch out of each word, at least `SHORTEST_CROP` of it, anywhere."""
    shares, places = torch.stack([torch.rand((2, *words.lengths.shape[1:]), generator=generator) for generator in generators], 1)
    lengths = (words.lengths * (SHORTEST_CROP + (1 - SHORTEST_CROP) * shares)).ceil().long()
    starts = (places * (words.lengths - lengths + 1)).long()
    index = (starts.unsqueeze(-1) + torch.arange(words.inputs.shape[2])).clamp(max=words.inputs.shape[2] - 1)
    inputs = words.inputs.gather(2, index.unsqueeze(-1).expand_as(words.inputs)) * inside(lengths, words.inputs.shape[2]).unsqueeze(-1)
    return words._replace(inputs=inputs, lengths=lengths)


def contrastive_loss(vectors: Tensor) -> Tensor:
    """Return each member's loss of finding a word's other view, half a batch away, among all others (NT-Xent, Chen et al. 2020).

    Args:
        vectors: (members, 2 * words, size).

    Returns:
        (members,) in nats.
    """
    vectors = torch.nn.functional.normalize(vectors, dim=-1)
    rows = vectors.shape[1]
    near = (vectors @ vectors.transpose(1, 2) / TEMPERATURE).masked_fill(torch.eye(rows, dtype=torch.bool, device=vectors.device), -1e9)
    other = (torch.arange(rows, device=vectors.device) + rows // 2) % rows
    return -near.log_softmax(-1).gather(-1, other.view(1, -1, 1).expand(len(vectors), -1, -1)).squeeze(-1).mean(1)
