"""Which Chinese word stands for which English one: a lexicon drawn from a dictionary's compounds by one stated rule.

A compound is an entry of two English words and four characters, taken as two characters a word: "machine translation" 机器翻译. It
counts where at least one of its halves is also what the dictionary gives for the word (or a simpler form of it) alone. For each
English word the rendering with the highest Dice score over those compounds is taken, 2 n(w, x) / (n(w) + n(x)), an entry for the
single word counting half.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

Compound = tuple[str, str, str, str]  # two English words, and what each becomes
Lexicon = dict[str, str]
Renderings = Mapping[str, set[str]]


def forms(word: str) -> set[str]:
    """Return the word and what it may be a form of: learning -> learn, learne; studies -> studie, study."""
    found = {word}
    for ending, others in (("s", ("",)), ("es", ("",)), ("ies", ("y",)), ("ing", ("", "e")), ("ed", ("", "e")), ("er", ("", "e"))):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            found |= {word[: -len(ending)] + other for other in others}
    return found


def alone(word: str, singles: Renderings) -> set[str]:
    """Return what the dictionary gives for the word or a simpler form of it alone."""
    return set().union(*(singles.get(form, ()) for form in forms(word)))


def supported(phrases: Iterable[tuple[str, str]], singles: Renderings) -> list[Compound]:
    """Return the phrases "a b" -> four characters of which at least one half is known from the words alone, sorted."""
    found = []
    for english, chinese in sorted(set(phrases)):
        first, second = english.split()
        halves = chinese[:2], chinese[2:]
        if halves[0] in alone(first, singles) or halves[1] in alone(second, singles):
            found.append((first, second, *halves))
    return found


def choose(compounds: Sequence[Compound], singles: Renderings) -> Lexicon:
    """Return each word's rendering of the highest Dice score; a tie goes to the commoner, then to the later in code points."""
    pairs: Counter[tuple[str, str]] = Counter()
    for first, second, *halves in compounds:
        pairs.update(zip((first, second), halves, strict=True))
    for word in sorted({word for word, _ in pairs}):
        for rendering in sorted(alone(word, singles)):
            pairs[word, rendering] += 0.5
    words, renderings = Counter(), Counter()
    for (word, rendering), count in pairs.items():
        words[word] += count
        renderings[rendering] += count
    best: dict[str, tuple[float, float, str]] = {}
    for (word, rendering), count in sorted(pairs.items()):
        best[word] = max(best.get(word, (0.0, 0.0, "")), (2 * count / (words[word] + renderings[rendering]), count, rendering))
    return {word: rendering for word, (_, _, rendering) in sorted(best.items())}


def composed(compounds: Iterable[Compound], lexicon: Lexicon) -> list[Compound]:
    """Return the compounds whose halves are just what the lexicon says."""
    return [compound for compound in compounds if lexicon.get(compound[0]) == compound[2] and lexicon.get(compound[1]) == compound[3]]


def frequent(compounds: Iterable[Compound], least: int) -> set[str]:
    """Return the words that occur in at least so many different English phrases."""
    phrases = {compound[:2] for compound in compounds}
    counts = Counter(word for phrase in phrases for word in set(phrase))
    return {word for word, count in counts.items() if count >= least}


def by_phrase(phrases: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return all renderings of each phrase, sorted."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for english, chinese in phrases:
        found[english].add(chinese)
    return {english: sorted(renderings) for english, renderings in sorted(found.items())}
