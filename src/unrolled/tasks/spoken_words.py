"""Spoken words in buckets by length, with their words, voices and roles: what the tasks on them have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unrolled import retrieval
from unrolled.batches import Batch
from unrolled.data import acoustics, spoken
from unrolled.tasks.base import StoredTask

PLACE, WORD, VOICE, ROLE = 1, 2, 3, 4  # columns of `Batch.extra` after TARGET_LENGTH, 0
QUERY, ARCHIVE, SEEN = 0, 1, 2  # roles; SEEN is added where the word was learned from
QUANTILES = (*(place / 8 for place in range(1, 8)), 0.95, 0.99)  # of the lengths of training words, up to which buckets reach
NEIGHBOURS = 3


class SpokenWords(StoredTask):
    """Spoken words of the splits "train", "validation" and "test", in which those of the frozen split "seen" follow.

    Args:
        folder: frozen set "spoken_words".
        every: one frame in so many is used, the first, as of a coarser hop.
        normalised_by: each "utterance" or each "voice" has mean 0 and variance 1.
        limit: so many training words, 0 for all.

    Attributes:
        words, voices: names by number.

    Raises:
        DataError: the frozen data are damaged.
        ValueError: an unknown choice, or fewer than one frame of so many.
    """

    def __init__(self, folder: Path, every: int, normalised_by: str, limit: int) -> None:
        super().__init__(folder)
        if normalised_by not in ("utterance", "voice"):
            raise ValueError(f"normalised_by is {normalised_by!r}, but must be utterance or voice.")
        if every < 1:
            raise ValueError(f"every is {every}, but at least one frame in 1 is used.")
        self.every, self.normalised_by = every, normalised_by
        found = {split: spoken.load(folder, split) for split in ("train", "validation", "test", "seen")}
        self.words = sorted({word for pieces in found.values() for word in pieces.texts})
        self.voices = sorted({voice for pieces in found.values() for voice in pieces.voices})
        if limit:
            found["train"] = _spread(found["train"], limit)
        self._fill(found, spoken.voices(folder))

    def _fill(self, found: dict[str, spoken.Spoken], roles: dict[str, dict[str, list[str]]]) -> None:
        """Lay out all splits; the words of "seen" follow those of "test"."""
        frames = {split: self.prepare(pieces.features, pieces.voices) for split, pieces in found.items()}
        longest = max(len(piece) for pieces in frames.values() for piece in pieces)
        lengths = [len(piece) for piece in frames["train"]]
        self.ceilings = sorted({*np.quantile(lengths, QUANTILES, method="higher").astype(int).tolist(), longest})
        labels = {split: self._label(pieces, roles.get(split, {}), SEEN if split == "seen" else 0) for split, pieces in found.items()}
        for split, parts in (("train", ["train"]), ("validation", ["validation"]), ("test", ["test", "seen"])):
            self.splits[split] = lay_out([piece for part in parts for piece in frames[part]],
                                         np.concatenate([labels[part] for part in parts]), longest)

    def prepare(self, features: list[np.ndarray], voices: list[str]) -> list[np.ndarray]:
        """Return what is read of raw MFCC: with deltas, normalised, one frame in `every`: (frames, 26) float32 each."""
        full = acoustics.normalise([acoustics.deltas(piece) for piece in features], voices, by=self.normalised_by)
        return [np.ascontiguousarray(piece[:: self.every], np.float32) for piece in full]

    def _label(self, pieces: spoken.Spoken, roles: dict[str, list[str]], seen: int) -> np.ndarray:
        """Return word, voice and role of each piece: (pieces, 3), role -1 where it has none."""
        numbers = {"query": QUERY + seen, "archive": ARCHIVE + seen}
        role_of = {voice: numbers[role] for role, names in roles.items() for voice in names}
        word_of, voice_of = ({name: place for place, name in enumerate(names)} for names in (self.words, self.voices))
        return np.array([[word_of[word], voice_of[voice], role_of.get(voice, -1)]
                         for word, voice in zip(pieces.texts, pieces.voices, strict=True)], np.int64).reshape(-1, 3)

    def mine(self) -> np.ndarray:
        """Return the places of the `NEIGHBOURS` nearest training words of other voices, by naive vectors without their voices' means.

        A neighbour fits the bucket of its word or the next one, so that a batch need not wait for the longest word of all.

        Raises:
            ValueError: a word has not so many neighbours.
        """
        data = self.splits["train"]
        voices, lengths, ceilings = data.extra[:, VOICE], data.lengths, np.array([*self.ceilings, self.ceilings[-1]])
        pieces = [row[:length] for row, length in zip(data.inputs, lengths, strict=True)]
        vectors = retrieval.normalised(retrieval.without_voice_means(retrieval.naive_vectors(pieces), voices))
        room, found = ceilings[np.searchsorted(self.ceilings, lengths) + 1], []
        for start in range(0, len(vectors), 500):  # in blocks: all pairs at once would take hundreds of MB
            here = slice(start, start + 500)
            near = vectors[here] @ vectors.T
            near[(voices[here, None] == voices) | (lengths > room[here, None])] = -2
            if ((near > -2).sum(1) < NEIGHBOURS).any():
                raise ValueError(f"pairs: mined needs {NEIGHBOURS} words of like length in other voices for each that is trained on; "
                                 "use more of them.")
            nearest = np.argpartition(-near, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
            order = np.take_along_axis(-near, nearest, 1).argsort(1)
            found.append(np.take_along_axis(nearest, order, 1))
        return np.concatenate(found)

    @property
    def chance(self) -> dict[str, float]:
        """Score of a random ranking: a right word at rank k has (1 + (k - 1)(R - 1)/(N - 1)) right ones of k down to it, each k alike."""
        roles, words = self.splits["test"].extra[:, ROLE], self.splits["test"].extra[:, WORD]
        held, size = words[roles == ARCHIVE], int((roles == ARCHIVE).sum())
        right = np.array([(held == word).sum() for word in words[roles == QUERY]])
        harmonic = (1 / np.arange(1, size + 1)).sum() / size
        expected = harmonic + (1 - harmonic) * (right - 1) / max(size - 1, 1)
        return {"mean_average_precision": float(np.where(right, expected, 0).mean()), "precision_at_1": float((right / size).mean())}


def _spread(pieces: spoken.Spoken, limit: int) -> spoken.Spoken:
    """Return so many pieces at equal distances."""
    places = np.unique(np.linspace(0, len(pieces.texts) - 1, min(limit, len(pieces.texts))).round().astype(int))
    return spoken.Spoken(*([part[place] for place in places] for part in pieces))


def lay_out(frames: list[np.ndarray], labels: np.ndarray, longest: int) -> Batch:
    """Return pieces as arrays without member axis, filled up with zeros to the longest, with their labels (pieces, 3)."""
    inputs = np.zeros((len(frames), longest, frames[0].shape[1]), np.float32)
    for place, piece in enumerate(frames):
        inputs[place, : len(piece)] = piece
    lengths = np.array([len(piece) for piece in frames], np.int64)
    return Batch(inputs, inputs, lengths, np.column_stack([lengths, np.arange(len(frames)), labels]))
