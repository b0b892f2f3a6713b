"""Dynamic time warping against hand loops, dtaidistance, and worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from dtaidistance import dtw_ndim

from unrolled import alignment

pytestmark = pytest.mark.unit


def draw(seed: int, count: int, longest: int = 9, size: int = 3) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(generator.integers(1, longest + 1), size)) for _ in range(count)]


def cost(one: np.ndarray, other: np.ndarray, kind: str) -> float:
    if kind == "cosine":
        return 1 - float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    square = float(((one - other) ** 2).sum())
    return square if kind == "squared" else square**0.5


def by_hand(query: np.ndarray, other: np.ndarray, kind: str) -> float:
    """Fill the table cell by cell."""
    table = np.full((len(query) + 1, len(other) + 1), np.inf)
    table[0, 0] = 0
    for i in range(len(query)):
        for j in range(len(other)):
            table[i + 1, j + 1] = cost(query[i], other[j], kind) + min(table[i, j], table[i, j + 1], table[i + 1, j])
    return table[-1, -1]


@pytest.mark.parametrize("kind", ["cosine", "euclidean", "squared"])
def test_distances_are_those_of_a_hand_loop(kind: str) -> None:
    queries, archive = draw(0, 6), draw(1, 11)
    expected = np.array([[by_hand(query, other, kind) for other in archive] for query in queries])
    np.testing.assert_allclose(alignment.distances(queries, archive, kind, per_frame=False), expected, rtol=1e-4, atol=1e-5)
    frames = np.array([[len(query) + len(other) for other in archive] for query in queries])
    np.testing.assert_allclose(alignment.distances(queries, archive, kind), expected / frames, rtol=1e-4, atol=1e-5)


def test_squared_distances_are_dtaidistances() -> None:
    queries, archive = draw(2, 4, 30, 5), draw(3, 5, 30, 5)
    expected = [[dtw_ndim.distance(query, other) for other in archive] for query in queries]
    np.testing.assert_allclose(np.sqrt(alignment.distances(queries, archive, "squared", per_frame=False)), expected, rtol=1e-4)


def test_company_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, archive = draw(4, 3), draw(5, 10)
    together = alignment.distances(queries, archive)
    monkeypatch.setattr(alignment, "TOGETHER", 3)
    np.testing.assert_allclose(alignment.distances(queries, archive), together, rtol=1e-5, atol=1e-6)


def test_a_slower_copy_is_as_near_as_the_thing_itself() -> None:
    query, = draw(6, 1, 8)
    slow = np.repeat(query, 3, axis=0)
    other = np.random.default_rng(7).normal(size=slow.shape)
    found = alignment.distances([query], [slow, other], "euclidean")[0]
    assert found[0] < 1e-3 < 0.3 < found[1]


def test_path_of_a_worked_example() -> None:
    """1 2 3 against 1 1 2 4: 1-1, 1-1, 2-2, 3-4, so the sum of distances is 1, over seven frames."""
    one, other = (np.array(values, float)[:, None] for values in ([1, 2, 3], [1, 1, 2, 4]))
    assert alignment.distances([one], [other], "euclidean", per_frame=False).item() == pytest.approx(1)
    assert alignment.distances([one], [other], "euclidean").item() == pytest.approx(1 / 7)


def inside_by_hand(query: np.ndarray, other: np.ndarray, kind: str) -> tuple[float, int, int]:
    """Try every stretch of the sequence; the one that ends first is taken of equally good ones."""
    found = [(by_hand(query, other[start:end], kind), end, -start) for end in range(1, len(other) + 1) for start in range(end)]
    best, end, start = min(found)
    return best / len(query), -start, end


@pytest.mark.parametrize("kind", ["cosine", "euclidean"])
def test_search_tries_every_stretch(kind: str) -> None:
    archive = draw(8, 7, 12)
    for query in draw(9, 4, 6):
        found = alignment.search(query, archive, kind)
        for place, other in enumerate(archive):
            distance, start, end = inside_by_hand(query, other, kind)
            assert found.distances[place] == pytest.approx(distance, abs=1e-4)
            assert (found.starts[place], found.ends[place]) == (start, end)


def test_of_equal_matches_the_first_and_of_equal_beginnings_the_last_is_found() -> None:
    """What is found begins no earlier than it must."""
    zero, one, far = np.array([0.0]), np.array([1.0]), np.array([9.0])
    found = alignment.search(np.stack([zero, one]), [np.stack([far, zero, one, far, zero, one]), np.stack([zero, zero, one])], "squared")
    assert found.distances.tolist() == [0, 0] and found.starts.tolist() == [1, 1] and found.ends.tolist() == [3, 3]


def test_no_frame_is_nearer_to_itself_than_nothing() -> None:
    """The cosine of a frame with itself is rounded, to more than 1 at times."""
    frames = [frame[None] for frame in np.random.default_rng(12).normal(size=(200, 5))]
    found = alignment.distances(frames, frames)
    assert found.min() >= 0 and found.diagonal().max() < 1e-6


def test_search_finds_what_was_hidden() -> None:
    query, = draw(10, 1, 9, 8)
    noise = np.random.default_rng(11).normal(size=(40, 8))
    held = np.concatenate([noise[:17], np.repeat(query, 2, axis=0), noise[17:]])
    found = alignment.search(query, [noise, held])
    assert found.distances[1] < 0.01 < found.distances[0]
    assert 16 < found.ends[1] - 0 <= 17 + 2 * len(query) and 17 <= found.starts[1] <= 18


@pytest.mark.parametrize(("sequences", "kind", "sentence"), [
    ([np.zeros((0, 3))], "cosine", "one has none"), ([np.zeros((2, 3))], "manhattan", "must be cosine, euclidean or squared")])
def test_what_cannot_be_aligned_is_refused(sequences: list, kind: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        alignment.distances([np.ones((2, 3))], sequences, kind)
