"""Average precision of spoken queries word by word: of trained vectors, and of what needs no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from unrolled import alignment, catalogue, retrieval, significance
from unrolled.analyses.trained import section_of
from unrolled.settings import Settings
from unrolled.tasks import audio_words
from unrolled.tasks.spoken_words import ARCHIVE, QUERY, ROLE, SEEN, VOICE, WORD, SpokenWords


class Spoken(NamedTuple):
    """Test words: frames (time, size) each, their words, voices and roles."""

    frames: list[np.ndarray]
    words: np.ndarray
    voices: np.ndarray
    roles: np.ndarray


class Scores(NamedTuple):
    """Average precision of the queries, a mean for each word that is asked for, (members, words): plain, and without the voices' means."""

    plain: np.ndarray
    voice_mean: np.ndarray


class Untrained(NamedTuple):
    """What a way without training scores: word by word, and by the metrics that trained members have."""

    scores: Scores
    metrics: Mapping[str, float]


def spoken(section: str, run: str, settings: Settings, every: int | None = None) -> Spoken:
    """Return the test words as a run's task reads them, or with another share of the frames."""
    chosen = section_of(section, settings)
    task: SpokenWords = catalogue.make_task(chosen.runs[run], chosen.reads, pairs="none", **({} if every is None else {"every": every}))
    data = task.splits["test"]
    frames = [row[:length] for row, length in zip(data.inputs, data.lengths, strict=True)]
    return Spoken(frames, *(data.extra[:, column] for column in (WORD, VOICE, ROLE)))


def trained_scores(items: Mapping[str, np.ndarray]) -> Scores:
    """Score the vectors that a run left of its test words: see `AudioWords.items`."""
    found = [vector_scores(vectors.astype(np.float32), *(items[name][member] for name in ("word", "voice", "role")))
             for member, vectors in enumerate(items["vector"])]
    return Scores(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def vector_scores(vectors: np.ndarray, words: np.ndarray, voices: np.ndarray, roles: np.ndarray) -> Scores:
    """Score one vector (size) per test word."""
    asked, held = sides(roles)
    chosen = asked | held
    without = vectors.copy()
    without[chosen] = retrieval.without_voice_means(vectors[chosen], voices[chosen])
    return Scores(*(by_word(retrieval.cosine_distances(values[asked], values[held]), words[asked], words[held])
                    for values in (vectors, without)))


def errors(items: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return how far what was written is from each word that was not learned from, a mean over its voices: (members, words)."""
    new, words = items["role"] < SEEN, np.unique(items["word"][0, items["role"][0] < SEEN])
    return np.stack([[found[own & (labels == word)].mean() for word in words]
                     for found, own, labels in zip(items["squared_error"], new, items["word"], strict=True)])


def sides(roles: np.ndarray, seen: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return which test words are queries and which lie in the archive, of those not learned from, or (`SEEN`) of those that were."""
    return roles == QUERY + seen, roles == ARCHIVE + seen


def by_word(distances: np.ndarray, asked: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return the mean average precision of each word's queries, in the order of their numbers: (1, words)."""
    found = retrieval.average_precisions(distances, asked, held)
    return np.array([[found[asked == word].mean() for word in np.unique(asked)]])


def at_random(said: Spoken, seed: int = 0) -> Untrained:
    """Score distances drawn at random."""
    generator = np.random.default_rng(seed)
    return _of_distances(said, lambda asked, held: generator.random((len(asked), len(held))))


def aligned(said: Spoken, cost: str) -> Untrained:
    """Score dynamic time warping; it has no vectors, and hence no means to take away."""
    def distances(asked: np.ndarray, held: np.ndarray) -> np.ndarray:
        return alignment.distances([said.frames[place] for place in asked], [said.frames[place] for place in held], cost)

    return _of_distances(said, distances)


def _of_distances(said: Spoken, distances: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Untrained:
    """Score a way that gives distances alone, of the test words that are queries to those that lie in the archive."""
    metrics = {}
    for seen, ending in ((SEEN, "_seen"), (0, "")):
        asked, held = (np.flatnonzero(side) for side in sides(said.roles, seen))
        if len(asked) and len(held):
            found, labels = distances(asked, held), (said.words[asked], said.words[held])
            metrics |= {f"mean_average_precision{ending}": float(retrieval.average_precisions(found, *labels).mean()),
                        f"precision_at_1{ending}": float(retrieval.first_hits(found, *labels).mean()),
                        f"average_precision{ending}": retrieval.same_different(found, *labels)}
    of_words = by_word(found, *labels)
    return Untrained(Scores(of_words, of_words), metrics)


def naive(said: Spoken, frames: int) -> Untrained:
    """Score vectors of a few frames, put one after another."""
    vectors, labels = retrieval.naive_vectors(said.frames, frames), (said.words, said.voices, said.roles)
    return Untrained(vector_scores(vectors, *labels), audio_words.scores(vectors, *labels))


def difference(first: Scores, second: Scores, kind: int = 0) -> np.ndarray:
    """Return by how much the average precision of each word's queries is higher: (members, words).

    Args:
        first, second: what is compared: seed by seed, so that the seeds of both count, those that one has more left out; or with what
            has none. The same holds for words.
        kind: 0 for plain vectors, 1 for those without voices' means.
    """
    ours, theirs = on_shared_words(first[kind], second[kind])
    if len(theirs) == 1:
        return ours - theirs
    shared = min(len(ours), len(theirs))
    return ours[:shared] - theirs[:shared]


def on_shared_words(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both, (members, words), without the last words of the one that has more: further words stand behind those of the test."""
    shared = min(first.shape[1], second.shape[1])
    return first[:, :shared], second[:, :shared]


def interval(first: Scores, second: Scores, kind: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two means, over seeds and over words."""
    return significance.items_against_limit(difference(first, second, kind), 0.0).interval
