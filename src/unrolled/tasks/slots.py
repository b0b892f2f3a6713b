"""Slot filling on ATIS: each word of a question to a flight information system gets a label.

    show flights from boston to denver   -> O O O B-fromloc.city_name O B-toloc.city_name
    flights on july first                -> O O B-depart_date.month_name B-depart_date.day_number

Words are lower-cased, digits become 0, and a word seen once in training is the unknown word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.data import slots as stored
from unrolled.tasks.base import Items, StoredTask, class_loss
from unrolled.tasks.blocks import with_test_block
from unrolled.tasks.vocabulary import PADDING, UNKNOWN, pad


def normalise(word: str) -> str:
    """Return the word as the vocabulary knows it."""
    return "".join("0" if letter.isdigit() else letter for letter in word.lower())


class Slots(StoredTask):
    """Slot filling.

    Args:
        folder: frozen set "slots".
        train_on_validation: train on the validation sentences too, as published work does; for runs whose settings were
            chosen without them. Validation scores of such a run say nothing and are not taken.
        limit: use only so many training sentences; 0 for all.
        fold: of cross-validation: which block of the sentences is the test, the blocks being as long as the test split, which is block 0.
            All others are learned from; the validation sentences, on which settings are chosen, are in no block.
        hidden_cities: share of the words labelled as a city's name that training replaces by the unknown word, anew each time: a
            network then learns to label a city that it has never heard of by what stands around it.
    """

    headline = "chunk_f1"
    higher_is_better = True
    ceilings = (6, 8, 10, 12, 14, 17, 21, 28, 48)

    def __init__(self, folder: Path, *, train_on_validation: bool = False, limit: int = 0, fold: int = 0,
                 hidden_cities: float = 0.0) -> None:
        if hidden_cities > 1:
            raise ValueError(f"hidden_cities is a share and must lie between 0 and 1, but is {hidden_cities}.")
        super().__init__(folder)
        self.hidden_cities = hidden_cities
        sentences = with_test_block(stored.load(folder), fold)
        if train_on_validation:
            sentences["train"] = sentences["train"] + sentences.pop("validation")
        sentences["train"] = sentences["train"][: limit or None]
        if fold:  # those of block 0 were marked when they were frozen
            _mark_repeated(sentences["test"], sentences["train"])
        counts = Counter(normalise(word) for sentence in sentences["train"] for word in sentence["words"])
        known = sorted(word for word, count in counts.items() if count > 1)
        self.words = {word: index for index, word in enumerate(["<padding>", "<unknown>", *known])}
        self.labels = sorted({label for sentence in sentences["train"] for label in sentence["labels"]})
        self._all = [sentence for group in sentences.values() for sentence in group]
        place = 0
        for split, group in sentences.items():
            self.splits[split] = self._encode(group, place)
            place += len(group)
        self.sizes = Sizes(features=0, outputs=len(self.labels), vocabulary=len(self.words), read="each")

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Go through the sentences again and again, with some cities hidden where that is asked for."""
        for found in super().training_batches(generators, batch):
            yield self._hide_cities(found, generators) if self.hidden_cities else found

    def _hide_cities(self, found: Batch, generators: Sequence[torch.Generator]) -> Batch:
        """Replace words that are labelled as a city's name by the unknown word, each member's drawn by its own generator."""
        cities = torch.tensor(["city_name" in label for label in self.labels])
        is_city = cities[found.targets.clamp(min=0)] & (found.targets >= 0)
        drawn = torch.stack([torch.rand(found.inputs.shape[1:], generator=generator) for generator in generators])
        return found._replace(inputs=torch.where(is_city & (drawn < self.hidden_cities), UNKNOWN, found.inputs))

    def _encode(self, sentences: Sequence[dict], first: int) -> Batch:
        """Return words, labels (-100 for padding and for labels never seen in training), lengths, and places in `_all`."""
        number = {label: index for index, label in enumerate(self.labels)}
        words = pad([self.encode_words(sentence["words"]) for sentence in sentences], PADDING)
        labels = pad([[number.get(label, -100) for label in sentence["labels"]] for sentence in sentences], -100)
        lengths = np.array([len(sentence["words"]) for sentence in sentences])
        return Batch(words, labels, lengths, np.arange(first, first + len(sentences)))

    def encode_words(self, words: Sequence[str]) -> list[int]:
        """Return the number of each word."""
        return [self.words.get(normalise(word), UNKNOWN) for word in words]

    @property
    def chance(self) -> dict[str, float]:
        """The commonest label is O, which names no slot."""
        return {"chunk_f1": 0.0}

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy over words of each member."""
        return class_loss(outputs, batch.targets)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Count each sentence's right, predicted and true chunks (what a chunk is, seqeval says), and mark repeated ones."""
        from seqeval.metrics.sequence_labeling import get_entities  # here: a second's import that no other task needs

        predicted = outputs.argmax(-1).cpu().numpy()  # (members, batch, time)
        counts = torch.zeros(4, *predicted.shape[:2], dtype=torch.int32)
        for column, place in enumerate(batch.extra[0].tolist()):
            sentence = self._all[place]
            gold = set(get_entities(sentence["labels"]))
            counts[3, :, column] = bool(sentence.get("repeated", False))
            for member, row in enumerate(predicted[:, column, : len(sentence["labels"])]):
                found = set(get_entities([self.labels[label] for label in row]))
                counts[:3, member, column] = torch.tensor([len(gold & found), len(found), len(gold)])
        return dict(zip(("correct", "predicted", "gold", "repeated"), counts, strict=True))

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return chunk F1 over all sentences, and over those that do not also occur in training (0 to 1)."""
        fresh = items["repeated"] == 0
        counts = [items[name].double() for name in ("correct", "predicted", "gold")]
        return {"chunk_f1": _f1(*(count.sum(1) for count in counts)),
                "chunk_f1_unrepeated": _f1(*((count * fresh).sum(1) for count in counts))}


def _mark_repeated(test: Sequence[dict], train: Sequence[dict]) -> None:
    """Note of each test sentence whether training shows it too."""
    known = {tuple(sentence["words"]) for sentence in train}
    for sentence in test:
        sentence["repeated"] = tuple(sentence["words"]) in known


def _f1(correct: Tensor, predicted: Tensor, gold: Tensor) -> Tensor:
    """Return the harmonic mean of precision and recall, 0 where nothing is right."""
    return 2 * correct / (predicted + gold).clamp(min=1)
