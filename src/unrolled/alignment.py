"""Dynamic time warping (Sakoe & Chiba 1978): how well two sequences of frames match when either may run faster for a while.

.. math::
    D_{ij} = c_{ij} + \\min(D_{i-1,j-1}, D_{i-1,j}, D_{i,j-1})

One query is compared with many sequences at once, diagonal by diagonal: all cells of a diagonal, of all sequences, wait only for the two
diagonals before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

FAR = np.float32(1e30)  # farther than any path
TOGETHER = 256  # sequences compared at once: their diagonals stay in the processor's cache


class Found(NamedTuple):
    """Where in each sequence a query matches best: distances per frame of the query, first frames, and the frames after the last."""

    distances: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def distances(queries: Sequence[np.ndarray], archive: Sequence[np.ndarray], cost: str = "cosine", per_frame: bool = True) -> np.ndarray:
    """Return the distance of the best alignment of each query with each sequence, end to end.

    Args:
        queries: (frames, size) each. archive: the same.
        cost: of two frames: "cosine" distance, "euclidean" distance, or its "squared".
        per_frame: divide by the frames of both, so that long words are not far from everything; else the plain sum.

    Returns:
        (queries, sequences) float32.

    Raises:
        ValueError: an unknown cost, or a sequence without frames.
    """
    found = np.empty((len(queries), len(archive)), np.float32)
    groups = list(_groups(archive, cost))
    for row, query in enumerate(prepare(queries, cost)):
        for chosen, frames, lengths in groups:
            sums = _whole(_costs(query, frames, cost), lengths)
            found[row, chosen] = sums / (len(query) + lengths) if per_frame else sums
    return found


def search(query: np.ndarray, archive: Sequence[np.ndarray], cost: str = "cosine") -> Found:
    """Find where in each sequence a query matches best: a path may begin and end at any frame of the sequence (subsequence DTW).

    Args:
        query: (frames, size).
        archive: (frames, size) each.
        cost: as of `distances`.

    Raises:
        ValueError: as `distances`.
    """
    found = Found(np.empty(len(archive), np.float32), np.empty(len(archive), np.int32), np.empty(len(archive), np.int32))
    query, = prepare([query], cost)
    for chosen, frames, lengths in _groups(archive, cost):
        sums, starts, ends = _inside(_costs(query, frames, cost), lengths)
        found.distances[chosen], found.starts[chosen], found.ends[chosen] = sums / len(query), starts, ends
    return found


def prepare(sequences: Iterable[np.ndarray], cost: str) -> list[np.ndarray]:
    """Return float32 sequences, with frames of length 1 where their cosine is compared.

    Raises:
        ValueError: an unknown cost, or a sequence without frames.
    """
    if cost not in ("cosine", "euclidean", "squared"):
        raise ValueError(f"cost is {cost!r}, but must be cosine, euclidean or squared.")
    found = [np.asarray(frames, np.float32) for frames in sequences]
    if any(frames.ndim != 2 or not len(frames) for frames in found):
        raise ValueError("a sequence to be aligned must have frames, (frames, size), but one has none.")
    if cost == "cosine":
        return [frames / np.maximum(np.linalg.norm(frames, axis=1, keepdims=True), 1e-9) for frames in found]
    return found


def _groups(archive: Sequence[np.ndarray], cost: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (which, frames (time, sequences, size), lengths) of sequences of like length, `TOGETHER` at a time."""
    archive = prepare(archive, cost)
    lengths = np.array([len(frames) for frames in archive], int)
    order = lengths.argsort(kind="stable")
    for start in range(0, len(order), TOGETHER):
        chosen = order[start : start + TOGETHER]
        frames = np.zeros((lengths[chosen].max(), len(chosen), archive[0].shape[1]), np.float32)
        for place, which in enumerate(chosen):
            frames[: lengths[which], place] = archive[which]
        yield chosen, frames, lengths[chosen]


def _costs(query: np.ndarray, frames: np.ndarray, cost: str) -> np.ndarray:
    """Return the cost of each frame of a query (rows, size) with each of the others (time, sequences, size): (rows, time, sequences)."""
    products = (query @ frames.reshape(-1, frames.shape[-1]).T).reshape(len(query), *frames.shape[:2])
    if cost == "cosine":
        return np.maximum(1 - products, 0)
    squares = (query**2).sum(1)[:, None, None] + (frames**2).sum(-1)[None] - 2 * products
    np.maximum(squares, 0, out=squares)
    return squares if cost == "squared" else np.sqrt(squares, out=squares)


def _skewed(costs: np.ndarray) -> np.ndarray:
    """Return costs (rows, time, sequences) by diagonal: (rows + time - 1, rows, sequences), `FAR` outside."""
    rows, time, count = costs.shape
    skewed = np.full((rows + time - 1, rows, count), FAR, np.float32)
    for row in range(rows):
        skewed[row : row + time, row] = costs[row]
    return skewed


def _whole(costs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the sum along the best path from the first to the last cell of each sequence: (sequences,)."""
    rows, _, count = costs.shape
    skewed, sums = _skewed(costs), np.empty(count, np.float32)
    ends = rows + lengths - 2  # diagonal of each sequence's last cell
    before, last = np.full((rows + 1, count), FAR, np.float32), np.full((rows + 1, count), FAR, np.float32)
    before[0] = 0  # so that a path begins at the first cell; row r of a diagonal stands at r + 1
    for diagonal, step in enumerate(skewed):
        best = np.minimum(last[:-1], last[1:])
        np.minimum(best, before[:-1], out=best)
        np.add(best, step, out=best)
        before, last = last, before
        last[0], last[1:] = FAR, np.minimum(best, FAR, out=best)
        here = ends == diagonal
        if here.any():
            sums[here] = last[-1, here]
    return sums


def _inside(costs: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sum along the best path that takes all rows, from any column to any other, its first column and the one after its last."""
    rows, _, count = costs.shape
    skewed, sequences = _skewed(costs), np.arange(count)
    before, last = np.full((rows + 1, count), FAR, np.float32), np.full((rows + 1, count), FAR, np.float32)
    from_before, from_last = np.zeros((rows + 1, count), np.int32), np.zeros((rows + 1, count), np.int32)
    sums, starts, ends = np.full(count, FAR), np.zeros(count, np.int32), np.zeros(count, np.int32)
    for diagonal, step in enumerate(skewed):
        before[0], from_before[0] = 0, diagonal  # a path may begin at any column of the first row
        ways = np.stack([before[:-1], last[:-1], last[1:]])
        came = np.stack([from_before[:-1], from_last[:-1], from_last[1:]])
        way = ways.argmin(0)[None]
        best, origin = np.take_along_axis(ways, way, 0)[0] + step, np.take_along_axis(came, way, 0)[0]
        before, last, from_before, from_last = last, before, from_last, from_before
        last[0], last[1:] = FAR, np.minimum(best, FAR)
        from_last[1:] = origin
        column = diagonal - rows + 1
        better = (column >= 0) & (column < lengths) & (last[-1] < sums)
        if better.any():
            chosen = sequences[better]
            sums[chosen], starts[chosen], ends[chosen] = last[-1, chosen], from_last[-1, chosen], column + 1
    return sums, starts, ends
