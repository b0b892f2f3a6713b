"""Words out of connected speech, with nobody saying where in the sound each of them is, or with a label for every step.

    said  one one four    eleven steps, and the labels of the best possible network
    CTC, frames           _ 1 _ _ 1 _ _ 4 _ _ _       -> 1 1 4    repeats merged, then blanks deleted
    a label a step        1 1 1 1 1 1 4 4 4 4 4       -> 1 4      repeats merged: the doubled word is lost
    ... with silence      _ 1 1 1 1 1 4 4 4 4 _       -> 1 4      lost too, unless there is a pause between the two

The scores are the edit distance to what was said and whether the answer is right as a whole, each over all strings, over those with
and without a word said twice in a row, and over repeats with pauses and without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from unrolled.batches import Batch, Sizes
from unrolled.data import acoustics, spoken
from unrolled.data.archives import DataError
from unrolled.tasks.transcribed import Transcribed, doubles
from unrolled.tasks.vocabulary import pad

PADDING = -100
PAUSE = 1  # frame of 10 ms between two words; words that run on have none between them
BUCKETS = 6
SPLITS = ("train", "validation", "test")


class SpeechRecognition(Transcribed):
    """Strings of spoken words.

    Args:
        folder: frozen set "spoken_digits" or "spoken_mandarin".
        labels: "ctc" learns from the words alone, by summing over all alignments (Graves et al. 2006); "frames" learns a class for
            every step from the true times of the words.
        silence: with frames, silence is a class of its own, which is deleted from an answer once repeats are merged. Without it, a step
            in a pause is labelled by the nearest word, so that there is a word at every step.
        stacked: number of neighbouring frames of 10 ms that are read as one step.
        noise: standard deviation of the noise on training inputs, whose own is 1; drawn by each member for itself.
        normalised: features have mean 0 and variance 1 over each "utterance" or over all of a "voice".
        limit: use only so many strings of each split; 0 for all.

    Attributes:
        symbols: the words, in order; null: class that stands for nothing, one after the words, or None.

    Raises:
        ValueError: another kind of labels, silence with CTC, no frame at all, or another way to normalise.
        DataError: a word that no training string has, or a string with more words than CTC has steps for.
    """

    def __init__(self, folder: Path, *, labels: str = "ctc", silence: bool = False, stacked: int = 2, noise: float = 0.0,
                 normalised: str = "utterance", limit: int = 0) -> None:
        super().__init__(folder)
        if labels not in ("ctc", "frames"):
            raise ValueError(f"labels is {labels!r}, but must be ctc or frames.")
        if silence and labels == "ctc":
            raise ValueError("silence is a class of frames; CTC has its blank, so leave silence out or set labels: frames.")
        if stacked < 1:
            raise ValueError(f"stacked is {stacked}, but a step needs one frame at least.")
        if normalised not in ("utterance", "voice"):
            raise ValueError(f"normalised is {normalised!r}, but must be utterance or voice.")
        self.labels, self.stacked, self.noise, self.normalised = labels, stacked, noise, normalised
        self.said = {split: _first(spoken.load(folder, split), limit) for split in SPLITS}
        self.symbols = sorted({word for text in self.said["train"].texts for word in text.split()})
        self.null = len(self.symbols) if labels == "ctc" or silence else None
        for split, found in self.said.items():
            self.splits[split] = self._encode(found, split)
        lengths = self.splits["train"].lengths
        longest = max(int(data.lengths.max()) for data in self.splits.values())
        borders = np.quantile(lengths, np.arange(1, BUCKETS) / BUCKETS, method="higher").tolist()
        self.ceilings = sorted({*borders, longest})
        features = self.splits["train"].inputs.shape[-1]
        self.sizes = Sizes(features=features, outputs=len(self.symbols) + (self.null is not None), read="each")

    def _encode(self, found: spoken.Spoken, split: str) -> Batch:
        """Return steps, targets (of words or of steps), lengths; and as `extra` whether there are pauses, then the words, each padded."""
        steps = self.encode_features(found.features, found.voices)
        words = [self._numbers(text, split) for text in found.texts]
        lengths = np.array([len(each) for each in steps])
        needed = np.array([len(each) + doubles(each) for each in words])
        if self.labels == "ctc" and (needed > lengths).any():
            place = int(np.argmax(needed > lengths))
            raise DataError(f"{found.texts[place]!r} of {self.folder}/{split} has {lengths[place]} steps, but CTC needs {needed[place]}: "
                            "one a word, and a blank in each doubled one; lower `stacked`.")
        inputs = np.zeros((len(steps), lengths.max(), steps[0].shape[1]), np.float32)
        for row, each in zip(inputs, steps, strict=True):
            row[: len(each)] = each
        said = pad(words, PADDING)
        targets = said if self.labels == "ctc" else pad([self._labels(*each).tolist() for each in zip(
            words, found.starts, found.ends, lengths.tolist(), strict=True)], PADDING)
        pauses = [has_pauses(*times) for times in zip(found.starts, found.ends, strict=True)]
        return Batch(inputs, targets, lengths, np.column_stack([np.array(pauses, np.int64), said]))

    def encode_features(self, features: Sequence[np.ndarray], voices: Sequence[str]) -> list[np.ndarray]:
        """Return steps (steps, features) of raw MFCCs (frames, 13): with deltas, normalised, neighbouring frames side by side."""
        full = acoustics.normalise([acoustics.deltas(each) for each in features], voices, by=self.normalised)
        whole = [each[: len(each) // self.stacked * self.stacked] for each in full]
        return [each.reshape(-1, self.stacked * each.shape[1]).astype(np.float32) for each in whole]

    def _numbers(self, text: str, split: str) -> list[int]:
        """Return the number of each word of a text."""
        words = text.split()
        for word in words:
            if word not in self.symbols:
                raise DataError(f"{text!r} of {self.folder}/{split} has the word {word!r}, which no training string has; "
                                "run `make reproduce` to make the set again.")
        return [self.symbols.index(word) for word in words]

    def _labels(self, words: Sequence[int], starts: np.ndarray, ends: np.ndarray, steps: int) -> np.ndarray:
        """Return the class of each step, by the frame in its middle: (steps,)."""
        middles = np.arange(steps) * self.stacked + (self.stacked - 1) / 2
        borders = (ends[:-1] + starts[1:]) / 2
        place = np.searchsorted(borders, middles, side="right")
        labels = np.asarray(words)[place]
        if self.null is not None:
            labels[(middles < starts[place]) | (middles >= ends[place])] = self.null
        return labels

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Go through the training data again and again, with fresh noise for each member."""
        for drawn in super().training_batches(generators, batch):
            shape = drawn.inputs.shape[1:]
            noise = torch.stack([torch.randn(shape, generator=generator) for generator in generators]) if self.noise else 0
            yield drawn._replace(inputs=drawn.inputs + self.noise * noise)


def has_pauses(starts: np.ndarray, ends: np.ndarray) -> bool:
    """Tell whether the words of a string are set apart, by most of the gaps between them: a pause can get lost where speech is fast."""
    return bool(len(starts) > 1 and np.median(starts[1:] - ends[:-1]) >= PAUSE)


def _first(found: spoken.Spoken, count: int) -> spoken.Spoken:
    """Return the first strings alone; all where the count is 0."""
    return spoken.Spoken(*(part[: count or None] for part in found))
