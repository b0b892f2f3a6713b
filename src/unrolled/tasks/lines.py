"""Predicting short texts character by character, to the end: after the last character comes the stop symbol.

    so lucky!  -> s o   l u c k y ! <stop>

What is read at each step is the character before; before the first it is the stop symbol, which thus stands between texts.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.data import tweets as stored
from unrolled.models.encoder_decoder import STOP
from unrolled.tasks.base import Items, StoredTask, class_loss
from unrolled.tasks.vocabulary import PADDING, pad


class Lines(StoredTask):
    """Next-character prediction over whole short texts.

    Args:
        folder: frozen set "tweets".
        stop: whether the end of a text is predicted too.
        limit: use only so many training texts; 0 for all.
    """

    headline = "bits_per_character"
    higher_is_better = False

    def __init__(self, folder: Path, *, stop: bool = True, limit: int = 0) -> None:
        super().__init__(folder)
        self.stop, self.texts = stop, stored.load(folder)
        self.texts["train"] = self.texts["train"][: limit or None]
        self.symbols = ["<stop>", *sorted({symbol for text in self.texts["train"] for symbol in text})]
        longest = max(len(text) for group in self.texts.values() for text in group) + 1
        self.ceilings = tuple(dict.fromkeys((*(size for size in (30, 45, 60) if size < longest), longest)))
        for split, texts in self.texts.items():
            self.splits[split] = self._encode(texts, longest)
        self.sizes = Sizes(features=0, outputs=len(self.symbols), vocabulary=len(self.symbols), read="each")

    def _encode(self, texts: list[str], longest: int) -> Batch:
        """Return what is read, what comes next (-100 for padding and for characters that training never shows), and the lengths."""
        number = {symbol: place for place, symbol in enumerate(self.symbols)}
        after = [[number.get(symbol, -100) for symbol in text] + [STOP] * self.stop for text in texts]
        before = [[STOP, *(max(symbol, STOP) for symbol in row)][: len(row)] for row in after]
        lengths = np.array([len(row) for row in after])
        return Batch(pad([*before, [PADDING] * longest], PADDING)[:-1], pad([*after, [-100] * longest], -100)[:-1], lengths)

    @property
    def chance(self) -> dict[str, float]:
        """Giving each character the probability that it has in the training texts, whatever came before."""
        train = self.splits["train"].targets
        counts = np.bincount(train[train > STOP], minlength=len(self.symbols))
        test = self.splits["test"].targets
        return {"bits_per_character": float(-np.log2(counts[test[test > STOP]] / counts.sum()).mean())}

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy over symbols of each member, in nats."""
        return class_loss(outputs, batch.targets)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the cross-entropy of each text summed over its characters in nats, the stop symbol left out, and how many there are."""
        targets = torch.where(batch.targets > STOP, batch.targets, -100).expand(outputs.shape[:-1])
        nats = torch.nn.functional.cross_entropy(outputs.flatten(0, -2), targets.flatten(), ignore_index=-100, reduction="none")
        return {"nats": nats.view(targets.shape).sum(-1), "characters": (targets >= 0).sum(-1, dtype=torch.int32)}

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the bits per character."""
        return {"bits_per_character": items["nats"].double().sum(1) / (items["characters"].sum(1) * math.log(2))}
