"""Looking for a spoken phrase in an archive of spoken sentences: by vectors, by alignment, and by one after the other (Chung et al. 2016).

The archive is cut into segments of one to three words, whose times are known; a sentence is as near to a query as its nearest segment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from unrolled import alignment, retrieval
from unrolled.batches import Batch
from unrolled.data.spoken import Spoken

MOST_WORDS = 3  # of a segment
SHORTEST, LONGEST = 10, 120  # frames of a segment, 10 ms each
ENCODED_TOGETHER = 256
Prepare = Callable[[list[np.ndarray], list[str]], list[np.ndarray]]


class Segments(NamedTuple):
    """Stretches of an archive.

    Attributes:
        frames: of each, as an encoder reads them. sentences: the number of its sentence, in ascending order.
        starts, ends: its first frame in the sentence, and the one after its last.
    """

    frames: list[np.ndarray]
    sentences: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclasses.dataclass(frozen=True)
class Archive:
    """Sentences, their segments and the vectors of these.

    Attributes:
        spoken: the sentences as they are frozen. sentences: their frames as they are aligned with.
        segments: all of them. vectors: (segments, size), without the mean of their voice and of length 1.
        mean: of all vectors as they came out of the encoder, which is taken off a query's.
    """

    spoken: Spoken
    sentences: list[np.ndarray]
    segments: Segments
    vectors: np.ndarray
    mean: np.ndarray

    def by_vectors(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distance of each query vector (queries, size) to each sentence, and that sentence's nearest segment.

        Returns:
            (queries, sentences) each; 2 where a sentence has no segment.
        """
        far = 1 - retrieval.normalised(queries - self.mean) @ self.vectors.T  # (queries, segments)
        firsts = np.flatnonzero(np.diff(self.segments.sentences, prepend=-1))
        distances = np.full((len(queries), len(self.sentences)), 2.0, np.float32)
        nearest = np.zeros((len(queries), len(self.sentences)), int)
        if len(firsts):
            held, counts = self.segments.sentences[firsts], np.diff([*firsts, far.shape[1]])
            least = np.minimum.reduceat(far, firsts, 1)
            places = np.where(far == least.repeat(counts, 1), np.arange(far.shape[1]), far.shape[1])
            distances[:, held], nearest[:, held] = least, np.minimum.reduceat(places, firsts, 1)
        return distances, nearest

    def align(self, query: np.ndarray, among: np.ndarray) -> alignment.Found:
        """Find where a query's frames fit best in each of some sentences (subsequence DTW)."""
        return alignment.search(query, [self.sentences[place] for place in among])

    def in_two_stages(self, query: np.ndarray, distances: np.ndarray, candidates: int) -> np.ndarray:
        """Return the distances of one query (sentences,) after its nearest `candidates` by vectors were put in order by alignment.

        Those stay before all others, whose order stays as it was.
        """
        order = distances.argsort(kind="stable")
        found = np.empty(len(distances))
        found[order] = np.arange(len(order)) + 1e6
        chosen = order[:candidates]
        found[chosen] = self.align(query, chosen).distances
        return found


def cut(sentences: Spoken, prepare: Prepare, most_words: int = MOST_WORDS) -> Segments:
    """Return all segments of one to so many words, each prepared for itself.

    Args:
        sentences: with the times of their words.
        prepare: turns raw features and voices into what an encoder reads.
        most_words: of a segment.
    """
    places, starts, ends = [], [], []
    for place, (begun, ended) in enumerate(zip(sentences.starts, sentences.ends, strict=True)):
        for first in range(len(begun)):
            for last in range(first, min(first + most_words, len(begun))):
                if SHORTEST <= ended[last] - begun[first] <= LONGEST:
                    places.append(place)
                    starts.append(begun[first])
                    ends.append(ended[last])
    raw = [sentences.features[place][start:end] for place, start, end in zip(places, starts, ends, strict=True)]
    frames = prepare(raw, [sentences.voices[place] for place in places])
    return Segments(frames, np.array(places), np.array(starts), np.array(ends))


def archive_of(found: Spoken, sentences: list[np.ndarray], segments: Segments, vectors: np.ndarray) -> Archive:
    """Put an archive together from the vectors (segments, size) of its segments."""
    voices = [found.voices[place] for place in segments.sentences]
    return Archive(found, sentences, segments, retrieval.normalised(retrieval.without_voice_means(vectors, voices)), vectors.mean(0))


@torch.no_grad()
def encode(model: nn.Module, pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Return the vector of each piece (frames, size) by each member of an audio autoencoder: (members, pieces, size).

    Pieces of like length are encoded together.
    """
    lengths = np.array([len(piece) for piece in pieces])
    order, parts = lengths.argsort(kind="stable"), []
    for start in range(0, len(order), ENCODED_TOGETHER):
        chosen = order[start : start + ENCODED_TOGETHER]
        inputs = np.zeros((1, len(chosen), lengths[chosen].max(), pieces[0].shape[1]), np.float32)
        for row, place in enumerate(chosen):
            inputs[0, row, : lengths[place]] = pieces[place]
        read = torch.from_numpy(inputs)
        parts.append(model.vectors(Batch(read, read, torch.from_numpy(lengths[chosen])[None])).numpy())
    found = np.concatenate(parts, 1)
    vectors = np.empty_like(found)
    vectors[:, order] = found
    return vectors
