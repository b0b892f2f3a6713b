"""Query by example: how well the nearest of an archive are what was asked for, and the plainest vector of a spoken word.

An archive is ranked by distance, nearest first; of equal distances the first in the archive comes first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def naive_vectors(features: Sequence[np.ndarray], frames: int = 10) -> np.ndarray:
    """Return `frames` frames of each piece, at equal distances from the first to the last, one after another.

    Levin et al. (2013) call it down-sampling; it is what an encoder must beat to have been worth training.

    Args:
        features: (time, size) each.
        frames: how many are taken.

    Returns:
        (pieces, frames * size).
    """
    return np.stack([piece[np.linspace(0, len(piece) - 1, frames).round().astype(int)].ravel() for piece in features])


def without_voice_means(vectors: np.ndarray, voices: Sequence) -> np.ndarray:
    """Subtract from each vector (pieces, size) the mean of all vectors of its voice: who speaks must be known, not what is said."""
    voices, found = np.asarray(voices), vectors.copy()
    for voice in np.unique(voices):
        found[voices == voice] -= vectors[voices == voice].mean(0)
    return found


def cosine_distances(queries: np.ndarray, archive: np.ndarray) -> np.ndarray:
    """Return 1 minus the cosine of each query (queries, size) and each piece (pieces, size), after the archive's mean was subtracted.

    The vectors of an encoder, all of whose units are often on, lie in a narrow cone around their mean; the archive's is known to whoever
    searches it. A vector that then is 0 has distance 1 to all.
    """
    mean = archive.mean(0)
    return 1 - normalised(queries - mean) @ normalised(archive - mean).T


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Return vectors along the last axis of length 1; one of zeros stays so."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _relevant(distances: np.ndarray, asked: Sequence, held: Sequence) -> np.ndarray:
    """Return whether the piece at each rank is what was asked for: (queries, ranks)."""
    order = distances.argsort(1, kind="stable")
    return np.asarray(asked)[:, None] == np.asarray(held)[order]


def average_precisions(distances: np.ndarray, asked: Sequence, held: Sequence) -> np.ndarray:
    """Return the average precision of each query: the mean, over all that it should find, of the precision down to there.

    Args:
        distances: (queries, pieces).
        asked: what each query is. held: what each piece of the archive is.

    Returns:
        (queries,), 0 where the archive does not hold what was asked for.
    """
    right = _relevant(distances, asked, held)
    precision = right.cumsum(1) / np.arange(1, right.shape[1] + 1)
    return (precision * right).sum(1) / np.maximum(right.sum(1), 1)


def first_hits(distances: np.ndarray, asked: Sequence, held: Sequence) -> np.ndarray:
    """Return whether the nearest piece is what was asked for, of each query; their mean is the precision at 1."""
    return _relevant(distances, asked, held)[:, 0]


def same_different(distances: np.ndarray, asked: Sequence, held: Sequence) -> float:
    """Return the average precision of all pairs ranked at once: is a distance alone enough to say "the same word" (Carlin et al. 2011)?"""
    pairs = distances.reshape(1, -1)
    same = (np.asarray(asked)[:, None] == np.asarray(held)).reshape(-1)
    return float(average_precisions(pairs, [True], same)[0])
