"""A template grammar of travel sentences, in which it is known what each label depends on.

A city is a destination after "arrive" and a departure after "leave"; a date belongs to whichever verb governs it. The verb
stands beside the city, further to the left, or to the right. Adapted from the lecture's own sentence.

    please arrive osaka on november 2nd  -> O O destination O arrival-month arrival-day
    osaka is where i leave on may 1st    -> departure O O O O O departure-month departure-day

Scores are kept apart by what a label depends on: nothing (a word that is always O), the left context, or the right context.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.data import cities as stored
from unrolled.tasks.base import Items, StoredTask, class_loss
from unrolled.tasks.vocabulary import PADDING, UNKNOWN, pad

MONTHS = ("january", "february", "march", "november", "december", "july")
DAYS = ("1st", "2nd", "3rd", "4th", "5th", "9th")
FILLERS = ("please", "i", "would", "really", "like", "maybe", "my", "plane", "should", "then")
LABELS = ("O", "B-destination", "B-departure", "B-arrival_date", "I-arrival_date", "B-departure_date", "I-departure_date")
FREE, LEFT, RIGHT = range(3)
LONGEST = 16

Word = tuple[str, str, int]  # word, label, what the label depends on


class Grammar:
    """Draws sentences.

    Args:
        cities: the cities to draw from.
        seed: of this grammar's own random numbers.
    """

    def __init__(self, cities: list[str], seed: int) -> None:
        self.cities, self.random = cities, random.Random(seed)

    def sentence(self) -> list[Word]:
        """Draw one sentence of at most `LONGEST` words."""
        while True:
            arriving = self.random.random() < 0.5
            shape = self.random.choices((self._beside, self._apart, self._verb_last, self._date_first), (35, 30, 20, 15))[0]
            words = [*self._fillers(0, 2), *shape(arriving)]
            if len(words) <= LONGEST:
                return words

    def _beside(self, arriving: bool) -> list[Word]:
        words = [self._verb(arriving), self._city(arriving, LEFT), *self._on_date(arriving, LEFT)]
        if arriving and self.random.random() < 0.5:
            words += [_free("from"), self._city(False, LEFT)]
        return words

    def _apart(self, arriving: bool) -> list[Word]:
        return [self._verb(arriving), *self._fillers(2, 5), self._city(arriving, LEFT), *self._on_date(arriving, LEFT)]

    def _verb_last(self, arriving: bool) -> list[Word]:
        return [self._city(arriving, RIGHT), _free("is"), _free("where"), _free("i"), self._verb(arriving),
                *self._on_date(arriving, LEFT)]

    def _date_first(self, arriving: bool) -> list[Word]:
        return [*self._on_date(arriving, RIGHT), *self._fillers(1, 2), self._verb(arriving), self._city(arriving, LEFT)]

    def _verb(self, arriving: bool) -> Word:
        return _free("arrive" if arriving else "leave")

    def _city(self, arriving: bool, needs: int) -> Word:
        return self.random.choice(self.cities), "B-destination" if arriving else "B-departure", needs

    def _on_date(self, arriving: bool, needs: int) -> list[Word]:
        kind = "arrival_date" if arriving else "departure_date"
        return [_free("on"), (self.random.choice(MONTHS), f"B-{kind}", needs), (self.random.choice(DAYS), f"I-{kind}", needs)]

    def _fillers(self, least: int, most: int) -> list[Word]:
        return [_free(self.random.choice(FILLERS)) for _ in range(self.random.randint(least, most))]


def _free(word: str) -> Word:
    return word, "O", FREE


class Templates(StoredTask):
    """The template grammar as a tagging task.

    Args:
        folder: frozen set "cities".
        sentences: number of training sentences; validation and test have 600 each.
        cities: number of different cities.
        unknown: share of the cities in training that are replaced by the unknown word, so that a city never seen can be labelled.
        own_sentences: whether each member learns from sentences of its own, as many, drawn by its generator; else all from the same.

    Raises:
        ValueError: no sentences, or fewer or more cities than there are.
    """

    headline = "accuracy_slots"
    higher_is_better = True
    ceilings = (LONGEST,)

    def __init__(self, folder: Path, *, sentences: int = 400, cities: int = 20, unknown: float = 0.1,
                 own_sentences: bool = False) -> None:
        super().__init__(folder)
        known = stored.load(folder)
        if sentences < 1 or not 1 <= cities <= len(known):
            raise ValueError(f"sentences is {sentences} and cities is {cities}, but must be at least 1, and cities at most {len(known)}.")
        self.names, self.unknown, self.own_sentences = known[:cities], unknown, own_sentences
        vocabulary = ["<padding>", "<unknown>", *self.names, *MONTHS, *DAYS, *FILLERS, "arrive", "leave", "on", "from", "is", "where"]
        self.words = {word: index for index, word in enumerate(vocabulary)}
        self.labels = list(LABELS)
        for seed, (split, size) in enumerate({"train": sentences, "validation": 600, "test": 600}.items()):
            self.splits[split] = self._draw(size, unknown if split == "train" else 0.0, seed)
        self.sizes = Sizes(features=0, outputs=len(LABELS), vocabulary=len(vocabulary), read="each")

    def _draw(self, size: int, unknown: float, seed: int) -> Batch:
        grammar = Grammar(self.names, seed)
        return self._encode([grammar.sentence() for _ in range(size)], unknown, seed)

    def training_batches(self, generators: Sequence[torch.Generator], batch: int) -> Iterator[Batch]:
        """Go through the sentences again and again, in another order each time; each member through its own if it has any."""
        if not self.own_sentences:
            yield from super().training_batches(generators, batch)
            return
        size = len(self.splits["train"].inputs)
        drawn = [self._draw(size, self.unknown, int(torch.randint(2**31, (1,), generator=generator))) for generator in generators]
        self.splits["own"] = Batch(*(np.concatenate(parts) for parts in zip(*drawn, strict=True)))  # one member's after another's
        while True:
            orders = np.stack([member * size + torch.randperm(size, generator=generator).numpy()
                               for member, generator in enumerate(generators)])
            for start in range(0, size, batch):
                yield self._take("own", orders[:, start : start + batch], LONGEST)

    def _encode(self, sentences: list[list[Word]], unknown: float, seed: int) -> Batch:
        """Return words, labels, lengths and what each label depends on."""
        hidden = random.Random(1000 + seed)
        words = [[UNKNOWN if label in LABELS[1:3] and hidden.random() < unknown else self.words[word]
                  for word, label, _ in sentence] for sentence in sentences]
        labels = [[LABELS.index(label) for _, label, _ in sentence] for sentence in sentences]
        needs = [[need for _, _, need in sentence] for sentence in sentences]
        lengths = np.array([len(sentence) for sentence in sentences])
        return Batch(self._pad(words, PADDING), self._pad(labels, -100), lengths, self._pad(needs, -1))

    @staticmethod
    def _pad(sequences: list[list[int]], value: int) -> np.ndarray:
        return pad([*sequences, [value] * LONGEST], value)[:-1]

    def encode_words(self, words: list[str]) -> list[int]:
        """Return the number of each word, the unknown word's for one that the grammar does not know."""
        return [self.words.get(word, UNKNOWN) for word in words]

    @property
    def chance(self) -> dict[str, float]:
        """Answering, without a look at the word, the label that is commonest among the words in question."""
        train, test = self.splits["train"], self.splits["test"]
        scores = {}
        for name, select in self._selections().items():
            commonest = np.bincount(train.targets[select(train)]).argmax()
            scores[name] = float((test.targets[select(test)] == commonest).mean())
        return scores

    @staticmethod
    def _selections() -> dict[str, callable]:
        """Return, by metric, which words it looks at."""
        return {"accuracy_free": lambda data: data.extra == FREE, "accuracy_left": lambda data: data.extra == LEFT,
                "accuracy_right": lambda data: data.extra == RIGHT, "accuracy_slots": lambda data: data.extra > FREE}

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy over words of each member."""
        return class_loss(outputs, batch.targets)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Count, for each sentence and kind of word, the right labels and the words."""
        right = outputs.argmax(-1) == batch.targets
        counts = {}
        for name, select in self._selections().items():
            chosen = select(batch)
            counts[name] = (right & chosen).sum(-1).to(torch.uint8)  # a sentence has at most 16 words
            counts[f"{name}_words"] = chosen.sum(-1).to(torch.uint8).expand_as(counts[name])
        return counts

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the share of right labels among words that need no context, the left, the right, and all but the first."""
        return {name: items[name].double().sum(1) / items[f"{name}_words"].double().sum(1) for name in self._selections()}
