"""Predicting text character by character (Sutskever, Martens & Hinton 2011): after each character, which one comes next?

    my lord       -> y lord,
    to be or no   -> o be or not

Windows are cut from the text at any place, also in the middle of a word, and each is read from a fresh state, so that its
first characters are guessed from little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.data import shakespeare as stored
from unrolled.tasks.base import DRAWN_AHEAD, EVALUATED_TOGETHER, Items, Task, class_loss


def code_points(text: str) -> np.ndarray:
    """Return the number that Unicode gives each character: (characters,)."""
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


class Characters(Task):
    """Next-character prediction.

    A symbol is a character of the training text, numbered in sorted order. All characters of the other splits that training
    never shows share one further number; it is read like any other, but as an answer it is -100, which is not counted.

    Args:
        folder: frozen set "shakespeare".
        length: characters in a window.
        evaluated: windows of the validation and of the test split, evenly spaced from its beginning to its end; no
            character is an answer twice where the split is long enough for that.

    Raises:
        ValueError: a number below 1, or a split shorter than a window and the character after it.
    """

    headline = "bits_per_character"
    higher_is_better = False

    def __init__(self, folder: Path, *, length: int = 50, evaluated: int = 400) -> None:
        super().__init__(folder)
        if length < 1 or evaluated < 1:
            raise ValueError(f"length is {length} and evaluated is {evaluated}; both must be at least 1.")
        self.length, self.evaluated = length, evaluated
        texts = stored.load(folder)
        for split, text in texts.items():
            if len(text) <= length:
                raise ValueError(f"the {split} text has {len(text)} characters, too few for windows of length {length} "
                                 f"and the character after; give a length of at most {len(text) - 1}, or a longer text.")
        counts = np.bincount(code_points(texts["train"]))
        self.symbols = [chr(point) for point in np.flatnonzero(counts)]
        self._numbers = np.full(0x110000, len(self.symbols), dtype=np.int32)  # one for every code point of Unicode
        self._numbers[np.flatnonzero(counts)] = np.arange(len(self.symbols))
        self.texts = {split: self.encode(text) for split, text in texts.items()}
        read = 1 + max(int(text.max()) for text in self.texts.values())  # one more than symbols where a split has unseen ones
        self.sizes = Sizes(features=0, outputs=len(self.symbols), vocabulary=read, read="each")
        self._chance = self._score_of_frequencies(counts[counts > 0])

    def encode(self, text: str) -> Tensor:
        """Return the number of each character: (characters,)."""
        return torch.from_numpy(self._numbers[code_points(text)])

    def _score_of_frequencies(self, counts: np.ndarray) -> float:
        """Return the bits per character of the test windows for whoever knows only how often training shows each symbol."""
        bits = torch.from_numpy(-np.log2(counts / counts.sum()))
        targets = torch.cat([batch.targets.flatten() for batch in self.evaluation_batches("test")])
        return bits[targets[targets >= 0]].mean().item()

    @property
    def chance(self) -> dict[str, float]:
        """Giving each symbol the probability that it has in the training text, whatever came before; success is to do better."""
        return {"bits_per_character": self._chance, "success": 0.0}

    def _windows(self, split: str, starts: Tensor) -> Batch:
        """Return the windows that begin at `starts` (members, batch): inputs and targets (members, batch, time)."""
        windows = self.texts[split][starts.unsqueeze(-1) + torch.arange(self.length + 1)].long()  # (members, batch, time + 1)
        targets = windows[..., 1:]
        return Batch(windows[..., :-1], targets.masked_fill(targets == len(self.symbols), -100))

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Draw the places of several batches at a time, evenly from the whole text, and hand them out one by one."""
        places = len(self.texts["train"]) - self.length
        while True:
            starts = torch.stack([torch.randint(places, (DRAWN_AHEAD * batch,), generator=generator) for generator in generators])
            drawn = self._windows("train", starts)
            for first in range(0, DRAWN_AHEAD * batch, batch):
                yield Batch(drawn.inputs[:, first : first + batch], drawn.targets[:, first : first + batch])

    def evaluation_batches(self, split: str) -> Iterator[Batch]:
        """Yield the split's windows in the order of the text: the same for every run."""
        last = len(self.texts[split]) - self.length - 1
        starts = torch.arange(self.evaluated) * last // max(self.evaluated - 1, 1)
        for group in starts.split(EVALUATED_TOGETHER):
            yield self._windows(split, group[None])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy over characters of each member, in nats."""
        return class_loss(outputs, batch.targets)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the cross-entropy of each window, summed over its characters in nats, and how many characters counted."""
        targets = batch.targets.expand(outputs.shape[:-1])  # (members, batch, time)
        nats = torch.nn.functional.cross_entropy(outputs.flatten(0, -2), targets.flatten(), ignore_index=-100, reduction="none")
        return {"nats": nats.view(targets.shape).sum(-1), "characters": (targets >= 0).sum(-1, dtype=torch.int32)}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the bits per character, and whether they lie below chance, which what is not finite does not."""
        bits = items["nats"].double().sum(1) / (items["characters"].sum(1) * math.log(2))
        return {"bits_per_character": bits, "success": (bits.isfinite() & (bits < self._chance)).double()}
