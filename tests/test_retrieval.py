"""Scores of a ranking against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from unrolled import retrieval

pytestmark = pytest.mark.unit


def draw(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.random((8, 40)), generator.integers(0, 5, 8), generator.integers(0, 5, 40)


def test_average_precision_is_scikit_learns() -> None:
    distances, asked, held = draw()
    expected = [average_precision_score(held == word, -row) for row, word in zip(distances, asked, strict=True)]
    np.testing.assert_allclose(retrieval.average_precisions(distances, asked, held), expected)
    same = (asked[:, None] == held).ravel()
    assert retrieval.same_different(distances, asked, held) == pytest.approx(average_precision_score(same, -distances.ravel()))


def test_average_precision_of_a_worked_example() -> None:
    """Right at ranks 1 and 4 of 4: (1/1 + 2/4) / 2 = 3/4; nothing to find scores 0."""
    distances = np.array([[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]])
    np.testing.assert_allclose(retrieval.average_precisions(distances, ["near", "fame"], ["near", "fear", "fear", "near"]), [0.75, 0])
    assert retrieval.first_hits(distances, ["near", "fear"], ["near", "fear", "fear", "near"]).tolist() == [True, False]


def test_equal_distances_keep_the_archives_order() -> None:
    assert retrieval.average_precisions(np.zeros((1, 3)), ["b"], ["a", "b", "b"]).item() == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_cosine_distances_by_hand() -> None:
    archive = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 2.0], [2.0, 0.0]])  # mean (2, 1)
    expected = [[0, 2, 1, 1], [1 - 1 / 2**0.5, 1 + 1 / 2**0.5, 1 - 1 / 2**0.5, 1 + 1 / 2**0.5]]
    np.testing.assert_allclose(retrieval.cosine_distances(np.array([[7.0, 1.0], [4.0, 3.0]]), archive), expected, atol=1e-12)
    assert np.isfinite(retrieval.cosine_distances(archive.mean(0)[None], archive)).all()


def test_a_voice_that_only_shifts_its_vectors_does_no_harm_without_its_mean() -> None:
    generator = np.random.default_rng(1)
    words, shifts = generator.normal(size=(6, 4)), 20 * generator.normal(size=(3, 4))
    voices = np.repeat(["a", "b", "c"], 6)
    vectors = np.concatenate([words + shift for shift in shifts])
    found = retrieval.without_voice_means(vectors, voices)
    np.testing.assert_allclose(found, np.tile(words - words.mean(0), (3, 1)), atol=1e-9)
    assert not np.allclose(vectors[:6], found[:6])


def test_naive_vectors_take_frames_at_equal_distances() -> None:
    piece = np.arange(20.0)[:, None] * [1, 100]
    found = retrieval.naive_vectors([piece, piece[:3]], frames=4)
    np.testing.assert_allclose(found[0], [0, 0, 6, 600, 13, 1300, 19, 1900])  # places 0, 6.33, 12.67, 19
    np.testing.assert_allclose(found[1].reshape(4, 2)[:, 0], [0, 1, 1, 2])
