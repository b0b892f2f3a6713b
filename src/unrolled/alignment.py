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
    costs = (query @ frames.reshape(-1, frames.shape[-1]).T).reshape(len(query), *frames.shape[:2])
    if cost == "cosine":
        np.subtract(1, costs, out=costs)
        return np.maximum(costs, 0, out=costs)
    costs *= -2
    costs += (query**2).sum(1)[:, None, None] + (frames**2).sum(-1)[None]
    np.maximum(costs, 0, out=costs)
    return costs if cost == "squared" else np.sqrt(costs, out=costs)


def _diagonals(costs: np.ndarray) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """Yield each diagonal of costs (rows, time, sequences): its number, its first row and the one after its last, and its costs.

    These are (rows of the diagonal, sequences), a part of all costs where they lie: nothing is copied.
    """
    rows, time, count = costs.shape
    cells, apart = costs.reshape(rows * time, count), max(time - 1, 1)  # from a cell to the next of its diagonal
    for diagonal in range(rows + time - 1):
        first, end = max(0, diagonal - time + 1), min(rows, diagonal + 1)
        start = first * time + diagonal - first
        yield diagonal, first, end, cells[start : start + (end - first - 1) * apart + 1 : apart]


def _whole(costs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the sum along the best path from the first to the last cell of each sequence: (sequences,)."""
    rows, _, count = costs.shape
    sums = np.empty(count, np.float32)
    ends = rows + lengths - 2  # diagonal of each sequence's last cell
    before, last = np.full((rows + 1, count), FAR, np.float32), np.full((rows + 1, count), FAR, np.float32)
    before[0] = 0  # so that a path begins at the first cell; row r of a diagonal stands at r + 1
    best = np.empty((rows, count), np.float32)
    for diagonal, first, end, step in _diagonals(costs):
        part = np.minimum(last[first:end], last[first + 1 : end + 1], out=best[: end - first])
        np.minimum(part, before[first:end], out=part)
        np.add(part, step, out=before[first + 1 : end + 1])
        before, last = last, before
        last[0] = FAR
        here = ends == diagonal
        if here.any():
            sums[here] = last[-1, here]
    return sums


def _inside(costs: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sum along the best path that takes all rows, from any column to any other, its first column and the one after its last."""
    rows, _, count = costs.shape
    before, last = np.full((rows + 1, count), FAR, np.float32), np.full((rows + 1, count), FAR, np.float32)
    from_before, from_last = np.zeros((rows + 1, count), np.int32), np.zeros((rows + 1, count), np.int32)
    sums, starts, ends = np.full(count, FAR), np.zeros(count, np.int32), np.zeros(count, np.int32)
    best = np.empty((rows, count), np.float32)
    for diagonal, first, end, step in _diagonals(costs):
        before[0], from_before[0] = 0, diagonal  # a path may begin at any column of the first row
        here, above = slice(first + 1, end + 1), slice(first, end)
        part = np.minimum(last[here], last[above], out=best[: end - first])
        origin = np.where(last[here] < last[above], from_last[here], from_last[above])
        np.copyto(origin, from_before[above], where=before[above] <= part)
        np.minimum(part, before[above], out=part)
        np.add(part, step, out=before[here])
        from_before[here] = origin
        before, last, from_before, from_last = last, before, from_last, from_before
        last[0] = FAR
        column = diagonal - rows + 1
        better = (column >= 0) & (column < lengths) & (last[-1] < sums)
        if better.any():
            sums[better], starts[better], ends[better] = last[-1, better], from_last[-1, better], column + 1
    return sums, starts, ends
