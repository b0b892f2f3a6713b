"""Translating from English to Chinese, word by word in and character by character out.

    machine learning  -> 机 器 学 习 <stop>
    March 5, 2019     -> 2 0 1 9 年 3 月 5 日 <stop>

What is learned from, and what is asked, is one of five:
    demonstration: words of a lexicon and random pairs of them; asked are real compounds, each composed of two of these words. None of
        them, nor "machine learning", is ever learned from.
    leak_free: the same with a lexicon that never saw the compounds that are asked, whatever their renderings are.
    compounds: half of the demonstration's real compounds, and the single words; a sixth validates, asked is the last third.
    dates: days of two centuries, character by character.
    sentences: sentence pairs of Tatoeba, with the official source.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled.batches import Batch, Sizes
from unrolled.data import english_chinese as stored
from unrolled.models.encoder_decoder import STOP
from unrolled.tasks.base import Items, StoredTask, class_loss
from unrolled.tasks.vocabulary import PADDING, UNKNOWN, pad

LECTURE = ("machine", "learning")
HELD_OUT = 300  # pairs for validation, where the data have no own
LONGEST = 24  # symbols of a sentence on either side


class Pair(NamedTuple):
    """What is read, symbol by symbol, and what may be answered; the first answer is the one that is learned."""

    source: tuple[str, ...]
    answers: tuple[str, ...]


class Translation(StoredTask):
    """English to Chinese.

    Args:
        folder: frozen set "english_chinese".
        pairs: "demonstration", "leak_free", "compounds", "dates" or "sentences", see above.
        combinations: number of random pairs of words that are learned from.
        stop: whether answers end with the stop symbol in training.
        cap: most symbols of an answer, the stop symbol among them.
        limit: use only so many training pairs; 0 for all.

    Raises:
        ValueError: another kind of pairs, a cap below 1, or more combinations than there are.
    """

    headline = "exact_match"
    higher_is_better = True

    def __init__(self, folder: Path, *, pairs: str = "demonstration", combinations: int = 4000, stop: bool = True, cap: int = 10,
                 limit: int = 0) -> None:
        super().__init__(folder)
        if pairs not in SPLITTERS:
            raise ValueError(f"pairs is {pairs!r}, but must be one of {', '.join(SPLITTERS)}.")
        if cap < 1:
            raise ValueError(f"cap is {cap}, but an answer needs room for one symbol at least.")
        found = SPLITTERS[pairs](stored.load(folder, "demonstration" if pairs == "compounds" else pairs), combinations)
        found["train"] = found["train"][: limit or None]
        self.stop, self.cap, self.reads_characters = stop, cap, pairs == "dates"
        self.words = _numbered(["<padding>", "<unknown>"], (symbol for pair in found["train"] for symbol in pair.source))
        self.symbols = list(_numbered(["<stop>"], (symbol for pair in found["train"] for symbol in pair.answers[0])))
        self._all = [pair for group in found.values() for pair in group]
        place = 0
        for split, group in found.items():
            self.splits[split] = self._encode(group, place)
            place += len(group)
        self.ceilings = (max(data.inputs.shape[1] for data in self.splits.values()),)
        self.sizes = Sizes(features=0, outputs=len(self.symbols), vocabulary=len(self.words), read="each", cap=cap)

    def _encode(self, pairs: Sequence[Pair], first: int) -> Batch:
        """Return source symbols, the answer to be learned (-100 after its end), lengths, and places in `_all`."""
        number = {symbol: place for place, symbol in enumerate(self.symbols)}
        words = pad([self.encode_words(pair.source) for pair in pairs], PADDING)
        answers = [[number.get(symbol, -100) for symbol in pair.answers[0]] + [STOP] * self.stop for pair in pairs]
        lengths = np.array([len(pair.source) for pair in pairs])
        return Batch(words, pad(answers, -100), lengths, np.arange(first, first + len(pairs)))

    def encode_words(self, words: Sequence[str]) -> list[int]:
        """Return the number of each source symbol, the unknown one's where training never shows it."""
        return [self.words.get(word, UNKNOWN) for word in words]

    def _take(self, split: str, chosen: np.ndarray, ceiling: int) -> Batch:
        """Return pairs (members, batch) whole: answers are not as long as what they answer."""
        data = self.splits[split]
        return Batch(*(torch.from_numpy(part[chosen]) for part in data))

    @property
    def chance(self) -> dict[str, float]:
        """Always giving the answer that training shows most often (of several the first in order of code points)."""
        counts = Counter(pair.answers[0] for pair in self._group("train"))
        commonest = min(counts, key=lambda answer: (-counts[answer], answer))
        test = self._group("test")
        return {"exact_match": sum(commonest in pair.answers for pair in test) / len(test)}

    def _group(self, split: str) -> list[Pair]:
        return [self.pair(place) for place in self.splits[split].extra.tolist()]

    def pair(self, place: int) -> Pair:
        """Return the pair that a batch's `extra` names."""
        return self._all[place]

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy over the answer's symbols of each member."""
        return class_loss(outputs, batch.targets)

    def read_answer(self, symbols: Sequence[int]) -> tuple[str, bool]:
        """Return the text before the first stop symbol, and whether there was one."""
        ended = STOP in symbols
        return "".join(self.symbols[symbol] for symbol in (symbols[: symbols.index(STOP)] if ended else symbols)), ended

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Score each answer: exact, begun right, ended, chrF (Popović 2015), how far off in length, and the lecture's own example."""
        from sacrebleu.metrics import CHRF  # here: half a second's import that no other task needs

        score, found = CHRF(), torch.zeros(6, *outputs.shape[:2])
        for member, rows in enumerate(outputs.argmax(-1).tolist()):
            for column, (symbols, place) in enumerate(zip(rows, batch.extra[0].tolist(), strict=True)):
                pair, (answer, ended) = self.pair(place), self.read_answer(symbols)
                exact = ended and answer in pair.answers
                found[:, member, column] = torch.tensor([
                    exact, answer.startswith(pair.answers[0]), ended, score.sentence_score(answer, list(pair.answers)).score / 100,
                    abs(len(answer) - len(pair.answers[0])), exact if pair.source == LECTURE else -1])
        return dict(zip(("exact", "begun_right", "ended", "character_f", "length_error", "lecture"), found, strict=True))

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the means over a split, and whether the lecture's own example came out right where it is asked."""
        names = {"exact_match": "exact", "begun_right": "begun_right", "ended": "ended", "character_f": "character_f",
                 "length_error": "length_error"}
        scores = {metric: items[item].double().mean(1) for metric, item in names.items()}
        asked = items["lecture"] >= 0
        if bool(asked.any()):
            scores["success_lecture"] = items["lecture"].double().masked_fill(~asked, 0).sum(1)
        return scores


def _numbered(first: Sequence[str], symbols: Any) -> dict[str, int]:
    """Return a number for each symbol: the special ones first, then the others sorted."""
    return {symbol: number for number, symbol in enumerate([*first, *sorted(set(symbols))])}


def _from_lexicon(lexicon: dict[str, str], asked: Sequence[Pair], combinations: int) -> dict[str, list[Pair]]:
    """Learn single words and random pairs of them that are not asked; validate on other such pairs."""
    words, banned = sorted(lexicon), {pair.source for pair in asked} | {LECTURE}
    most = len(words) * (len(words) - 1) - len(banned) - HELD_OUT
    if not 0 <= combinations <= most:
        raise ValueError(f"combinations is {combinations}, but {len(words)} words allow for 0 to {most}.")
    draw, drawn = random.Random(1), {}
    while len(drawn) < combinations + HELD_OUT:
        source = tuple(draw.sample(words, 2))
        if source not in banned:
            drawn[source] = Pair(source, (lexicon[source[0]] + lexicon[source[1]],))
    found = list(drawn.values())
    singles = [Pair((word,), (lexicon[word],)) for word in words]
    return {"train": [*found[HELD_OUT:], *singles], "validation": found[:HELD_OUT], "test": list(asked)}


def _asked(entries: Sequence[dict[str, Any]], lexicon: dict[str, str] | None = None) -> list[Pair]:
    """Return what is asked; the answer that the lexicon composes comes first where it is among the renderings."""
    found = []
    for entry in entries:
        composed = "".join(lexicon.get(word, "") for word in entry["words"]) if lexicon else ""
        found.append(Pair(tuple(entry["words"]), tuple(sorted(entry["renderings"], key=lambda text: (text != composed, text)))))
    return found


def _demonstration(data: dict[str, Any], combinations: int) -> dict[str, list[Pair]]:
    return _from_lexicon(data["lexicon"], _asked(data["test"], data["lexicon"]), combinations)


def _leak_free(data: dict[str, Any], combinations: int) -> dict[str, list[Pair]]:
    lecture = {"words": list(LECTURE), "renderings": ["机器学习"]}  # not in the dictionary, so it cannot be among the others
    return _from_lexicon(data["lexicon"], [*_asked(data["test"]), *_asked([lecture])], combinations)


def _compounds(data: dict[str, Any], combinations: int) -> dict[str, list[Pair]]:
    """Learn half of the real compounds and all single words, validate on a sixth, ask the last third, the lecture's example included."""
    asked = _asked(data["test"], data["lexicon"])
    compounds = [pair for pair in asked if pair.source != LECTURE]
    random.Random(2).shuffle(compounds)
    third = len(compounds) // 3
    singles = [Pair((word,), (rendering,)) for word, rendering in data["lexicon"].items()]
    return {"train": [*compounds[third + third // 2 :], *singles], "validation": compounds[third : third + third // 2],
            "test": [*compounds[:third], *(pair for pair in asked if pair.source == LECTURE)]}


def _dates(data: Sequence[tuple[str, str]], combinations: int) -> dict[str, list[Pair]]:
    return _held_out([Pair(tuple(english), (chinese,)) for english, chinese in data], 500)


def _sentences(data: Sequence[tuple[str, str]], combinations: int) -> dict[str, list[Pair]]:
    """Read words, write characters; sentences of `LONGEST` symbols or more on either side are left out."""
    pairs = [Pair(tuple(english.lower().split()), (chinese.replace(" ", ""),)) for english, chinese in data]
    return _held_out([pair for pair in pairs if max(len(pair.source), len(pair.answers[0])) < LONGEST], len(pairs) // 20)


def _held_out(pairs: list[Pair], asked: int) -> dict[str, list[Pair]]:
    """Split by the source, so that nothing that is asked was ever read, by a fixed seed."""
    sources = sorted({pair.source for pair in pairs})
    random.Random(3).shuffle(sources)
    test, validation = set(sources[:asked]), set(sources[asked : asked + HELD_OUT])
    return {"train": [pair for pair in pairs if pair.source not in test | validation],
            "validation": [pair for pair in pairs if pair.source in validation], "test": [pair for pair in pairs if pair.source in test]}


SPLITTERS = {"demonstration": _demonstration, "leak_free": _leak_free, "compounds": _compounds, "dates": _dates, "sentences": _sentences}
