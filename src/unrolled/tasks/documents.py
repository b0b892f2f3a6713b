"""A document becomes a vector and the vector the document again (Li, Luong & Jurafsky 2015): what is read is what is to be written.

    i know not / what say you /    -> i know not / what say you /
    what say you / i know not /    -> what say you / i know not /      the same words, hence the same bag of words

A document is a few clauses of Shakespeare that need not belong together: a clause is what stands between two punctuation marks, has three
to five words, all of them frequent, and ends with the end-of-clause symbol (shown as /). No clause that is asked is ever learned from.
Every document of the validation and of the test split is followed by its swapped one, which has the same clauses from last to first.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.data import shakespeare as stored
from unrolled.models.encoder_decoder import STOP
from unrolled.tasks.base import EVALUATED_TOGETHER
from unrolled.tasks.reproduced import Reproduced

SHORTEST, LONGEST = 3, 5  # words of a clause
STEPS = LONGEST + 1  # of a clause and its end
CLAUSE_END = re.compile(r"[.!?;:,\n\[\]-]+")
WORD = re.compile(r"[a-z0]+(?:'[a-z]+)*")
UNKNOWN = "<unknown>"


class Documents(Reproduced):
    """Documents of Shakespeare's clauses.

    Args:
        folder: frozen set "shakespeare".
        clauses: number of clauses of a document.
        vocabulary: clauses are taken whose words are all among so many most frequent ones.
        replaced: share of the words that training replaces, in what is read and in what is to be written, by any word or by the unknown
            one; a network would learn the few thousand clauses by heart otherwise, and a clause that it never read not at all.
        layout: "flat", all words one after another, or "by_clause", each clause filled up to `STEPS` steps.
        backwards: read the document, or by clause each clause, from the last word to the first (Sutskever, Vinyals & Le 2014); it is
            written forwards all the same.

    Attributes:
        clauses_of: by split, its clauses: (clauses, STEPS) numbers of words, 0 after the last.

    Raises:
        ValueError: fewer than two clauses, a vocabulary larger than there is or with too few clauses, a share outside 0 to 1, or another
            layout.
    """

    steps = STEPS
    test_size = 300

    def __init__(self, folder: Path, *, clauses: int = 2, vocabulary: int = 100, replaced: float = 0.4, layout: str = "flat",
                 backwards: bool = False) -> None:
        super().__init__(folder)
        if clauses < 2:
            raise ValueError(f"clauses is {clauses}, but a document needs at least 2, which can change places.")
        if not 0 <= replaced <= 1:
            raise ValueError(f"replaced is a share and must lie between 0 and 1, but is {replaced}.")
        if layout not in ("flat", "by_clause"):
            raise ValueError(f"layout is {layout!r}, but must be flat or by_clause.")
        self.clauses, self.replaced, self.layout, self.backwards = clauses, replaced, layout, backwards
        frequent, found = read_clauses(stored.load(folder).values(), vocabulary)
        self.words = ["/", *frequent, UNKNOWN]
        if len(self.words) ** STEPS > 2**63:
            raise ValueError(f"vocabulary is {vocabulary}, too large to number every clause; give at most {int(2 ** (63 / STEPS)) - 2}.")
        self._numbers = {word: number for number, word in enumerate(self.words)}
        self.clauses_of = {split: self._encode(group) for split, group in split_clauses(found).items()}
        fewest = min(len(group) for group in self.clauses_of.values())
        if fewest < clauses or clauses * (clauses - 1) > 2 * fewest:  # most documents drawn would have some clause twice
            raise ValueError(f"vocabulary is {vocabulary}, whose {len(found)} clauses leave one of the splits {fewest}, too few for "
                             f"documents of {clauses} that all differ; give fewer clauses or a larger vocabulary.")
        self._held_out = torch.cat([self._keys(self.clauses_of[split]) for split in ("validation", "test")])
        self.sizes = Sizes(features=0, outputs=len(self.words), vocabulary=len(self.words), read="each", cap=clauses * STEPS,
                           parts=1 if layout == "flat" else clauses)

    def _encode(self, clauses: Sequence[Sequence[str]]) -> Tensor:
        """Return the numbers of the words of each clause: (clauses, STEPS), 0 after its last word."""
        unknown = self._numbers[UNKNOWN]
        numbers = [[self._numbers.get(word, unknown) for word in clause] for clause in clauses]
        return torch.tensor([row + [STOP] * (STEPS - len(row)) for row in numbers]).view(-1, STEPS)

    def _keys(self, clauses: Tensor) -> Tensor:
        """Return one number for each clause (..., STEPS), another for every other clause."""
        return (clauses * len(self.words) ** torch.arange(STEPS)).sum(-1)

    def clauses_from(self, text: str) -> Tensor:
        """Return a text of one's own as one document: (1, clauses, STEPS).

        Raises:
            ValueError: it does not have as many clauses as the task's documents, or one of more than `LONGEST` words.
        """
        found = [words for words in _clauses(text.lower().replace("’", "'")) if words]
        sizes = [len(words) for words in found]
        if len(found) != self.clauses or max(sizes) > LONGEST:
            raise ValueError(f"the document has {len(found)} clauses, of {sizes} words, but must have {self.clauses} of 1 to {LONGEST}; "
                             "a clause ends at a punctuation mark.")
        return self._encode(found)[None]

    def lay_out(self, clauses: Tensor) -> Batch:
        """Return documents (documents, clauses, STEPS) as a batch with a member axis of 1."""
        words, kept, lengths = self._line_up(clauses)
        read = words
        if self.backwards:
            read = turned(words if self.layout == "flat" else clauses).flatten(1)
        return Batch(read[None], words.masked_fill(~kept, -100)[None], lengths)

    def _line_up(self, clauses: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return all symbols of each document one after another, which of them count, (documents, time) each, and the flat lengths."""
        kept = (torch.arange(STEPS) <= (clauses > STOP).sum(-1, keepdim=True)).flatten(1)  # words and ends
        if self.layout == "by_clause":
            return clauses.flatten(1), kept, None
        order = (~kept).int().argsort(dim=1, stable=True)
        return clauses.flatten(1).gather(1, order), kept.gather(1, order), kept.sum(1)[None]

    def sample(self, size: int, generator: torch.Generator) -> Batch:
        """Draw documents to learn from, some of their words replaced."""
        return self.lay_out(self._replace(self.draw("train", size, generator), generator))

    def draw(self, split: str, size: int, generator: torch.Generator) -> Tensor:
        """Draw documents of clauses of a split that all differ: (documents, clauses, STEPS)."""
        found = self.clauses_of[split]
        places = torch.randint(len(found), (size, self.clauses), generator=generator)
        while bool((again := _has_repeats(places)).any()):
            places[again] = torch.randint(len(found), (int(again.sum()), self.clauses), generator=generator)
        return found[places]

    def _replace(self, clauses: Tensor, generator: torch.Generator) -> Tensor:
        """Replace words; a clause that would become one that is asked stays as it is."""
        chosen = (torch.rand(clauses.shape, generator=generator) < self.replaced) & (clauses > STOP)
        changed = torch.where(chosen, torch.randint(1, len(self.words), clauses.shape, generator=generator), clauses)
        return torch.where(torch.isin(self._keys(changed), self._held_out).unsqueeze(-1), clauses, changed)

    def documents(self, split: str) -> Tensor:
        """Return the documents of the validation or the test split, always the same: (documents, clauses, STEPS)."""
        generator = torch.Generator().manual_seed({"validation": 7_000_001, "test": 7_000_002}[split])
        return self.draw(split, self.test_size, generator)

    def evaluation_batches(self, split: str) -> Iterator[Batch]:
        """Yield the documents of a split, each followed by its swapped one."""
        documents = self.documents(split)
        for group in torch.stack([documents, documents.flip(1)], 1).flatten(0, 1).split(EVALUATED_TOGETHER):
            yield self.lay_out(group)


def turned(words: Tensor) -> Tensor:
    """Return stretches (..., time) from the last word to the first; ends of clauses before the last word turn with it."""
    places = torch.arange(words.shape[-1])
    last = torch.where(words > STOP, places, -1).amax(-1, keepdim=True)
    return words.gather(-1, torch.where(places <= last, last - places, places))


def _has_repeats(places: Tensor) -> Tensor:
    """Return whether each row (rows, places) holds a place twice: (rows,)."""
    return (places.sort(1).values.diff(dim=1) == 0).any(1)


def _clauses(text: str) -> Iterator[list[str]]:
    """Yield the words of each clause."""
    for clause in CLAUSE_END.split(text):
        yield WORD.findall(clause)


def read_clauses(texts: Sequence[str], vocabulary: int) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the most frequent words (of equally frequent ones the first in the alphabet) and the different clauses made of them.

    Raises:
        ValueError: a vocabulary of less than one word, or of more than there are.
    """
    clauses = [tuple(words) for text in texts for words in _clauses(text)]
    counts = Counter(word for words in clauses for word in words)
    if not 1 <= vocabulary <= len(counts):
        raise ValueError(f"vocabulary is {vocabulary}, but the texts have {len(counts)} words; give a number from 1 to that.")
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:vocabulary]
    known = set(frequent)
    return frequent, sorted({words for words in clauses if SHORTEST <= len(words) <= LONGEST and known.issuperset(words)})


def split_clauses(clauses: Sequence[tuple[str, ...]]) -> dict[str, list[tuple[str, ...]]]:
    """Return the clauses by split, by a fixed seed: a tenth each for validation and test."""
    shuffled = list(clauses)
    random.Random(4).shuffle(shuffled)
    tenth = len(shuffled) // 10
    return {"train": shuffled[2 * tenth :], "validation": shuffled[tenth : 2 * tenth], "test": shuffled[:tenth]}
