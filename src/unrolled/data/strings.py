"""Strings of words, in half of which a word is said twice in a row, and in half pauses part the words."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SHORTEST, LONGEST = 2, 5  # words


class String(NamedTuple):
    """Words between blanks, and whether they are said with pauses between them."""

    text: str
    has_pauses: bool


def draw(words: Sequence[str], count: int, generator: np.random.Generator) -> list[String]:
    """Draw strings of 2 to 5 words: of each two one holds a doubled word and the other none; of each four two are said with pauses.

    A word may be said three times in a row or come back later in any string; only "none" means that no word follows itself.
    """
    return [String(" ".join(_words(words, place % 2 == 0, generator)), place // 2 % 2 == 1) for place in range(count)]


def _words(words: Sequence[str], is_doubled: bool, generator: np.random.Generator) -> list[str]:
    """Draw a string until it holds a doubled word, or none; a short string is as likely among both."""
    length = int(generator.integers(SHORTEST, LONGEST + 1))
    found = [words[place] for place in generator.integers(len(words), size=length)]
    if is_doubled:
        place = int(generator.integers(length - 1))
        found[place + 1] = found[place]
    while not is_doubled and has_doubled(found):
        found = [words[place] for place in generator.integers(len(words), size=length)]
    return found


def has_doubled(words: Sequence[str]) -> bool:
    """Return whether a word follows itself."""
    return any(first == second for first, second in itertools.pairwise(words))
