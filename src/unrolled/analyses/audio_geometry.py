"""Where spoken words lie as vectors: nearness and likeness of sound, near is to fear as name is to fame (F11)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.stats
from torchaudio.functional import edit_distance

from unrolled import retrieval

FARTHEST = 6  # phonemes that differ, beyond which pairs are pooled


def cosines_by_distance(vectors: np.ndarray, words: Sequence[str], voices: Sequence[str], phonemes: Mapping[str, Sequence[str]]
                        ) -> tuple[np.ndarray, float]:
    """Return the mean cosine of pairs of different voices by the number of phonemes that differ, and Spearman's correlation of the two.

    Args:
        vectors: (pieces, size), without the means of their voices.
        words, voices: of each piece. phonemes: of each word.

    Returns:
        (FARTHEST + 1,) mean cosines, NaN where there is no pair; and of each word, in alphabetical order, the correlation over all pairs
        that it is one of: (words,).
    """
    units = retrieval.normalised(vectors)
    names = sorted(set(words))
    apart = np.array([[edit_distance(phonemes[one], phonemes[other]) for other in names] for one in names])
    place = np.array([names.index(word) for word in words])
    rows, columns = np.triu_indices(len(words), 1)
    kept = np.asarray(voices)[rows] != np.asarray(voices)[columns]
    rows, columns = rows[kept], columns[kept]
    cosine = (units @ units.T)[rows, columns]
    distance = np.minimum(apart[place[rows], place[columns]], FARTHEST)
    means = np.array([cosine[distance == steps].mean() if (distance == steps).any() else np.nan for steps in range(FARTHEST + 1)])
    asked = [(place[rows] == word) | (place[columns] == word) for word in range(len(names))]
    return means, np.array([scipy.stats.spearmanr(cosine[pairs], distance[pairs]).statistic for pairs in asked])


def analogies(phonemes: Mapping[str, Sequence[str]], families: Sequence[Sequence[str]]) -> list[tuple[str, str, str, str]]:
    """Return all (near, fear, name, fame): two words of one family and two of another that begin alike and end as their family does.

    Args:
        phonemes: of each word. families: words that rhyme.
    """
    onsets = [_by_onset([word for word in family if word in phonemes], phonemes) for family in families]
    found = []
    for one, other in itertools.permutations(onsets, 2):
        for first, second in itertools.permutations(sorted(set(one) & set(other)), 2):
            found.append((one[first], one[second], other[first], other[second]))
    return found


def _by_onset(family: Sequence[str], phonemes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the words of a family by what stands before their common end; of words that sound alike the first."""
    common = 0
    while all(len(phonemes[word]) > common for word in family) and len({phonemes[word][-1 - common] for word in family}) == 1:
        common += 1
    found: dict[str, str] = {}
    for word in family:
        found.setdefault("".join(phonemes[word][: len(phonemes[word]) - common]), word)
    return found


def by_answer(solved: np.ndarray, quadruples: Sequence[tuple[str, str, str, str]]) -> np.ndarray:
    """Return the share of analogies solved by the word that answers them, in alphabetical order: (members, words).

    Analogies with the same answer share its vectors, and are no trials of their own.
    """
    answers = np.array([quadruple[3] for quadruple in quadruples])
    return np.stack([solved[:, answers == word].mean(1) for word in np.unique(answers)], 1)


def word_means(vectors: np.ndarray, words: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the words in alphabetical order and the mean of each one's vectors."""
    names = sorted(set(words))
    return names, np.stack([vectors[np.asarray(words) == name].mean(0) for name in names])


def solved(asked: tuple[list[str], np.ndarray], held: tuple[list[str], np.ndarray], quadruples: Sequence[tuple[str, str, str, str]],
           with_offset: bool = True) -> np.ndarray:
    """Return whether fear - near + name lies nearest to fame among all words but those three.

    Args:
        asked, held: words and their means, by the voices that ask and by those that are asked.
        quadruples: (near, fear, name, fame) each.
        with_offset: the control leaves fear - near out, and asks for what is nearest to name.

    Returns:
        (quadruples,) truth values.
    """
    place, targets = {word: row for row, word in enumerate(asked[0])}, held[0]
    near, fear, name = (asked[1][[place[quadruple[column]] for quadruple in quadruples]] for column in range(3))
    distances = retrieval.cosine_distances(fear - near + name if with_offset else name, held[1])
    for row, quadruple in enumerate(quadruples):
        distances[row, [targets.index(word) for word in quadruple[:3]]] = np.inf
    return np.array([targets[column] == quadruple[3] for column, quadruple in zip(distances.argmin(1), quadruples, strict=True)])
