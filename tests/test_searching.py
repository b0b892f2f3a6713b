"""Search in an archive: segments by hand, distances and both stages against loops, vectors in any company."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import alignment, searching
from unrolled.data.spoken import Spoken

pytestmark = pytest.mark.unit


def sentences(seed: int = 0, count: int = 5) -> Spoken:
    """Return sentences of four words of 20 frames each, with a pause of 10 after the second."""
    generator = np.random.default_rng(seed)
    features = [generator.standard_normal((90, 3)).astype(np.float32) for _ in range(count)]
    starts, ends = np.array([0, 20, 50, 70], np.int32), np.array([20, 40, 70, 90], np.int32)
    return Spoken(features, ["a b c d"] * count, ["v1", "v2", "v1", "v2", "v1"][:count], [starts] * count, [ends] * count)


def plain(features, voices):
    return list(features)


def means(pieces):
    return np.stack([np.concatenate([piece.mean(0), piece.std(0)]) for piece in pieces])


def archive(found: Spoken) -> searching.Archive:
    segments = searching.cut(found, plain)
    return searching.archive_of(found, found.features, segments, means(segments.frames))


def test_segments_are_runs_of_one_to_three_words() -> None:
    segments = searching.cut(sentences(count=1), plain)
    assert list(zip(segments.starts.tolist(), segments.ends.tolist())) == [
        (0, 20), (0, 40), (0, 70), (20, 40), (20, 70), (20, 90), (50, 70), (50, 90), (70, 90)]
    for frames, start, end in zip(segments.frames, segments.starts, segments.ends):
        assert (frames == sentences(count=1).features[0][start:end]).all()
    assert len(searching.cut(sentences(count=1), plain, most_words=1).frames) == 4


@pytest.mark.parametrize(("shift", "count"), [(0, 3), (1, 0)])
def test_the_shortest_and_the_longest_segment_are_segments_still(shift: int, count: int) -> None:
    """Words of 9 or 10 frames, and of 110 or 111 more: of two words 120 or 121 in all."""
    first, second = searching.SHORTEST - shift, searching.LONGEST - searching.SHORTEST + 2 * shift
    spoken = Spoken([np.zeros((300, 3), np.float32)], ["a b"], ["v1"], [np.array([0, first])], [np.array([first, first + second])])
    lengths = [len(frames) for frames in searching.cut(spoken, plain).frames]
    assert lengths == ([first, first + second, second] if count else [second])


def test_of_equal_segments_the_first_is_the_nearest() -> None:
    found = archive(sentences(count=2))
    found.vectors[[2, 3]] = found.vectors[1]
    distances, nearest = found.by_vectors((found.vectors[1] + found.mean)[None])
    assert nearest[0, 0] == 1 and distances[0, 0] == pytest.approx(0, abs=1e-6)


def test_distance_to_a_sentence_is_that_to_its_nearest_segment() -> None:
    found = archive(sentences())
    queries = means([sentences(1).features[0][:30], sentences().features[3][20:70]])
    distances, nearest = found.by_vectors(queries)
    for row, query in enumerate(queries - found.mean):
        cosine = found.vectors @ query / np.linalg.norm(query)
        for sentence in range(5):
            here = np.flatnonzero(found.segments.sentences == sentence)
            assert distances[row, sentence] == pytest.approx(1 - cosine[here].max(), abs=1e-6)
            assert nearest[row, sentence] == here[cosine[here].argmax()]


def test_voices_lose_their_means() -> None:
    found = archive(sentences())
    raw = means(found.segments.frames)
    voices = np.array([found.spoken.voices[place] for place in found.segments.sentences])
    assert np.allclose(found.mean, raw.mean(0))  # which queries lose, whose voice nobody knows
    by_hand = np.stack([row - raw[voices == voice].mean(0) for row, voice in zip(raw, voices)])
    assert np.allclose(found.vectors, by_hand / np.linalg.norm(by_hand, axis=1, keepdims=True), atol=1e-6)


def test_a_sentence_without_a_segment_is_farthest() -> None:
    found = sentences()
    found.ends[2] = found.starts[2] + 1  # all its words are too short to be segments
    found.starts[2], found.ends[2] = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 4])
    distances, _ = archive(found).by_vectors(means([found.features[0][:30]]))
    assert distances[0, 2] == 2 and (distances[0, [0, 1, 3, 4]] < 2).all()


def test_the_second_stage_puts_candidates_in_the_order_of_alignment() -> None:
    found = archive(sentences())
    query = sentences().features[3][20:70]
    distances = np.array([0.1, 0.2, 0.9, 0.3, 0.8])
    staged = found.in_two_stages(query, distances, candidates=3)
    aligned = alignment.search(query, [found.sentences[place] for place in (0, 1, 3)]).distances
    order = staged.argsort(kind="stable").tolist()
    assert order[:3] == [(0, 1, 3)[place] for place in aligned.argsort(kind="stable")]
    assert order[0] == 3 and order[3:] == [4, 2]  # the query is a stretch of sentence 3; the others keep their order


class Model:
    """Stands for a trained encoder: two members."""

    def vectors(self, batch):
        inside = torch.arange(batch.inputs.shape[2]) < batch.lengths.unsqueeze(-1)
        total = (batch.inputs * inside.unsqueeze(-1)).sum(2) / batch.lengths.unsqueeze(-1)
        return torch.cat([total, 2 * total])


def test_pieces_are_encoded_in_their_own_order() -> None:
    generator = np.random.default_rng(2)
    pieces = [generator.standard_normal((length, 3)).astype(np.float32) for length in generator.integers(5, 90, 600)]
    found = searching.encode(Model(), pieces)
    assert found.shape == (2, 600, 3)
    assert np.allclose(found[0], np.stack([piece.mean(0) for piece in pieces]), atol=1e-5) and np.allclose(found[1], 2 * found[0])
