"""Many to one: a snippet of a review is read to its end, and one answer says whether it is for the film or against.

    effective but too tepid biopic                            -> against
    wasabi is a good place to start .                         -> for

A word seen once in training is the unknown word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from unrolled.batches import Batch
from unrolled.data import reviews as stored
from unrolled.tasks.blocks import with_test_block
from unrolled.tasks.one_answer import OneAnswer
from unrolled.tasks.vocabulary import PADDING, UNKNOWN


class Sentiment(OneAnswer):
    """The opinion of a movie-review snippet.

    Args:
        folder: frozen set "reviews".
        pooling: what the answer is drawn from: the "last" step, or the "mean" or "max" over all.
        train_on_validation: train on the validation snippets too; for runs whose settings were chosen without them. Validation scores of
            such a run say nothing and are not taken.
        limit: use only so many training snippets; 0 for all.
        fold: of cross-validation: which block of the snippets is the test, the blocks being as long as the test split, which is block 0.
            All others but the validation snippets, on which settings are chosen, are learned from.
        unknown: share of the words in training that are replaced by the unknown word, anew each time: that word is then met with a meaning
            of its own, and no answer can hang on a single rare word.

    Notes:
        No snippet of either source has more than 61 words; of a longer one only the first 64 would be read.
    """

    ceilings = (9, 13, 17, 21, 26, 32, 40, 64)

    def __init__(self, folder: Path, *, pooling: str = "last", train_on_validation: bool = False, limit: int = 0,
                 fold: int = 0, unknown: float = 0.1) -> None:
        if not 0 <= unknown < 1:
            raise ValueError(f"unknown is a share and must lie between 0 and below 1, but is {unknown}.")
        texts = with_test_block(stored.load(folder), fold)
        if train_on_validation:
            texts["train"] = texts["train"] + texts.pop("validation")
        texts["train"] = texts["train"][: limit or None]
        super().__init__(folder, texts, least=2, pooling=pooling)
        self.unknown = unknown

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Go through the snippets again and again, with some words hidden where that is asked for."""
        for found in super().training_batches(generators, batch):
            yield self._hide_words(found, generators) if self.unknown else found

    def _hide_words(self, found: Batch, generators: Sequence[torch.Generator]) -> Batch:
        """Replace words by the unknown word, each member's drawn by its own generator."""
        drawn = torch.stack([torch.rand(found.inputs.shape[1:], generator=generator) for generator in generators])
        return found._replace(inputs=torch.where((found.inputs != PADDING) & (drawn < self.unknown), UNKNOWN, found.inputs))
