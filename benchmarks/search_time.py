"""How long one spoken query takes: by vectors, by vectors and then alignment, by alignment with everything (DTW).

The archive is made of random frames: no time depends on what is said. Queries are encoded within the time of their search; the archive
is encoded and prepared before. All ways take turns in one process.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from dtaidistance import dtw_ndim

from benchmarks import machine
from unrolled import alignment, models, processor, searching
from unrolled.batches import Sizes as TaskSizes
from unrolled.settings import Run
from unrolled.training import generator

FEATURES, FRAMES = 26, (15, 35)  # of a segment, 20 ms apart
WAYS = ("vectors", "two stages", "alignment", "dtaidistance")


class Sizes(NamedTuple):
    """What is timed."""

    segments: tuple[int, ...] = (1000, 10_000, 100_000)
    candidates: int = 100
    hidden: int = 64
    repetitions: int = 5
    aligned: int = 2000  # segments that alignment is timed on; more take proportionally longer


QUICK = Sizes(segments=(20,), candidates=5, hidden=4, repetitions=2, aligned=20)


def measure(sizes: Sizes) -> dict[int, dict[str, list[float]]]:
    """Return milliseconds a query by number of segments, by way, turn by turn."""
    processor.prepare()
    times: dict[int, dict[str, list[float]]] = {}
    for count in sizes.segments:
        ways = ways_of(count, sizes)
        times[count] = {way: [] for way in ways}
        for _ in range(sizes.repetitions):
            for way, (search, factor) in ways.items():
                started = time.perf_counter()
                search()
                times[count][way].append(1000 * factor * (time.perf_counter() - started))
    return times


def ways_of(count: int, sizes: Sizes) -> dict[str, tuple[Callable[[], object], float]]:
    """Return each way to search `count` segments, and how many times longer all of them take than what it does."""
    random = np.random.default_rng(0)
    query = random.standard_normal((25, FEATURES)).astype(np.float32)
    kept = [random.standard_normal((length, FEATURES)).astype(np.float32) for length in random.integers(*FRAMES, sizes.aligned)]
    model = encoder(sizes.hidden)
    vectors = random.standard_normal((count, 2 * sizes.hidden)).astype(np.float32)

    def nearest() -> np.ndarray:
        return np.argpartition(-(vectors @ searching.encode(model, [query])[0, 0]), min(sizes.candidates, count - 1))[: sizes.candidates]

    def in_two_stages() -> np.ndarray:
        return aligned([kept[place % len(kept)] for place in nearest()])

    def aligned(segments: Sequence[np.ndarray]) -> np.ndarray:
        return alignment.distances([query], segments)

    def by_peer() -> list[float]:
        return [dtw_ndim.distance_fast(peer_query, segment) for segment in peer]

    peer_query, peer = query.astype(np.double), [segment.astype(np.double) for segment in kept]
    return {"vectors": (nearest, 1), "two stages": (in_two_stages, 1), "alignment": (lambda: aligned(kept), count / len(kept)),
            "dtaidistance": (by_peer, count / len(kept))}


def encoder(hidden: int) -> torch.nn.Module:
    """Return an untrained bidirectional GRU autoencoder of one member."""
    run = Run(task="search", name="search", kind="audio_words", cell="gru", hidden=hidden, seeds=1, batch=1, model="audio_autoencoder",
              bidirectional=True, updates=1, options={"decoder_input": "constant"})
    sizes = TaskSizes(features=FEATURES, outputs=FEATURES, read="each", classes=False)
    return models.build(run, {}, sizes, [generator(0, "values")])


def report(times: dict[int, dict[str, list[float]]], sizes: Sizes) -> str:
    """Return the table as Markdown: milliseconds a query, and queries a second by vectors."""
    lines = [
        "# Time of one spoken query", "",
        f"Milliseconds, median of {sizes.repetitions} turns, encoding of the query (bidirectional GRU, hidden {sizes.hidden}) included; "
        f"segments of {FRAMES[0]} to {FRAMES[1]} frames of {FEATURES} numbers.",
        f"*Two stages*: the nearest {sizes.candidates} by vectors are aligned. *Alignment* is this package's DTW, *dtaidistance* that "
        f"library's; both were timed on {sizes.aligned} segments and multiplied.", "",
        f"{machine.processor_name()}; one thread. Made by `make bench`.", "",
        f"| segments | {' | '.join(WAYS)} | vectors: queries per second | alignment / vectors | alignment / two stages |",
        f"|---:|{'---:|' * (len(WAYS) + 3)}",
    ]
    for count, ways in times.items():
        medians = {way: statistics.median(ways[way]) for way in WAYS}
        cells = [f"{count:,}", *(f"{medians[way]:.1f}" for way in WAYS), f"{1000 / medians['vectors']:.0f}",
                 *(f"{medians['alignment'] / medians[way]:.0f}" for way in ("vectors", "two stages"))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
