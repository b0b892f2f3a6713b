"""Who wins? The same words in another order have another answer, and so have two sentences of which one says "never".

    white blood cells destroyed an infection                        -> the good side wins
    white blood cells had never been destroyed by an infection      -> the good side wins
    an infection destroyed white blood cells                        -> it does not

Every sentence has a partner of the same words in which the two sides have changed places, and with them the answer. A bag of words
sees no difference between the two, so it gets exactly half of the sentences right, whatever it has learned. Which side stands first,
active or passive, "never" or not: each alone says nothing of the answer, only the three together do.

No test sentence is about two sides that met in training: whole pairs of a good and a bad side are held out, among them the lecture's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unrolled.tasks.one_answer import Labelled, OneAnswer

GOOD = ("white blood cells", "the antibodies", "a vaccine", "the nurses", "the rescuers", "the firefighters", "our heroes", "the honest",
        "justice", "hope", "the remedy", "kindness")
BAD = ("an infection", "the virus", "a disease", "the robbers", "the flames", "the thieves", "the villains", "the cruel",
       "corruption", "fear", "the poison", "hatred")
VERBS = (("destroyed", "destroyed"), ("defeated", "defeated"), ("killed", "killed"), ("beat", "beaten"), ("crushed", "crushed"),
         ("overcame", "overcome"), ("conquered", "conquered"))
TEST, VALIDATION = 43, 14  # pairs of 144
SENTENCES = 8 * len(VERBS)  # about each pair

Pair = tuple[str, str]  # a good and a bad side


class OrderProbe(OneAnswer):
    """Minimal pairs of sentences whose answer hangs on the order of their words.

    Args:
        folder: not looked at; the sentences are made here.
        pooling: what the answer is drawn from: the "last" step, or the "mean" or "max" over all.
        limit: use only so many training sentences; 0 for all.

    Attributes:
        pairs: by split, the pairs of sides, in the order in which their sentences stand in the data; `extra` of a split is each
            sentence's place among them.
    """

    ceilings = (10,)  # one bucket: batches of like length, mostly active or mostly passive, are learned from far less surely

    def __init__(self, folder: Path, *, pooling: str = "last", limit: int = 0) -> None:
        self.pairs = held_out()
        texts = {split: [sentence for pair in pairs for sentence in sentences(*pair)] for split, pairs in self.pairs.items()}
        texts["train"] = texts["train"][: limit or None]
        super().__init__(folder, texts, pooling=pooling)
        for split, data in self.splits.items():
            self.splits[split] = data._replace(extra=np.arange(len(data.targets)) // SENTENCES)


def held_out() -> dict[str, list[Pair]]:
    """Return the pairs of each split, drawn by a fixed seed; the lecture's own is always a test pair."""
    others = [(good, bad) for good in GOOD for bad in BAD][1:]
    random.Random(0).shuffle(others)
    drawn = [(GOOD[0], BAD[0]), *others]
    return {"train": drawn[TEST + VALIDATION :], "validation": drawn[TEST : TEST + VALIDATION], "test": drawn[:TEST]}


def sentences(good: str, bad: str) -> Iterator[Labelled]:
    """Yield all sentences about two sides: words, and 1 where the good side wins."""
    for active, passive in VERBS:
        for first, second, wins in ((good, bad, 1), (bad, good, 0)):
            yield f"{first} {active} {second}".split(), wins
            yield f"{first} never {active} {second}".split(), 1 - wins
            yield f"{second} had been {passive} by {first}".split(), wins
            yield f"{second} had never been {passive} by {first}".split(), 1 - wins
