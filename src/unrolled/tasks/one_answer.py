"""What tasks share that read a sequence of words and answer once, with one of two classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from unrolled.batches import Batch, Sizes
from unrolled.tasks.classified import Classified
from unrolled.tasks.vocabulary import PADDING, UNKNOWN, pad

Labelled = tuple[Sequence[str], int]  # words, and class 0 or 1
POOLINGS = ("last", "mean", "max")


class OneAnswer(Classified):
    """Sequences of words with one of two answers each.

    Args:
        folder: the frozen data.
        texts: by split; the vocabulary is that of "train".
        least: how often a word must occur in training to be known; others are the unknown word.
        pooling: what the answer is drawn from: the "last" step, or the "mean" or "max" over all.

    Attributes:
        words: number of each known word. texts: as given.
        cut: how many sequences of each split were longer than the highest ceiling; only that many of their first words are read.

    Raises:
        ValueError: another pooling, or a sequence without words.
    """

    ceilings: ClassVar[Sequence[int]]

    def __init__(self, folder: Path, texts: Mapping[str, Sequence[Labelled]], *, least: int = 1, pooling: str = "last") -> None:
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is {pooling!r}, but must be one of {', '.join(POOLINGS)}.")
        super().__init__(folder)
        self.texts = texts
        counts = Counter(word for words, _ in texts["train"] for word in words)
        known = sorted(word for word, count in counts.items() if count >= least)
        self.words = {word: index for index, word in enumerate(["<padding>", "<unknown>", *known])}
        self.cut = {split: sum(len(words) > self.ceilings[-1] for words, _ in group) for split, group in texts.items()}
        for split, group in texts.items():
            self.splits[split] = self.encode(group)
        self.sizes = Sizes(features=0, outputs=2, vocabulary=len(self.words), read=pooling)

    def encode(self, texts: Sequence[Labelled]) -> Batch:
        """Return words (sequences, highest ceiling), classes and lengths, as arrays without member axis."""
        longest = self.ceilings[-1]
        words = [self.encode_words(words)[:longest] for words, _ in texts]
        if not all(words):
            raise ValueError(f"sequence {words.index([])} has no words, so there is nothing to answer; leave it out of the data.")
        lengths = np.array([len(sequence) for sequence in words], dtype=np.int64)
        return Batch(pad([*words, [PADDING] * longest], PADDING)[:-1], np.array([label for _, label in texts], dtype=np.int64), lengths)

    def encode_words(self, words: Sequence[str]) -> list[int]:
        """Return the number of each word."""
        return [self.words.get(word, UNKNOWN) for word in words]
