"""How long one spoken query takes: by vectors, by vectors and then alignment, by alignment with every sentence (subsequence DTW).

What is timed is the search of `unrolled.searching`, in an archive of the shape of the lecture's, of random frames: no time depends on
what is said. Queries are encoded within the time of their search, by one network; the archive is encoded and prepared before. All ways
take turns in one process.
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
from unrolled import models, processor, retrieval, searching
from unrolled.batches import Sizes as TaskSizes
from unrolled.query_encoder import query_encoder
from unrolled.settings import Run
from unrolled.training import generator

FEATURES = 26
QUERY, SENTENCE, SEGMENT = 44, 125, 26  # frames, 20 ms apart: the means of the spoken archive
SEGMENTS = 23  # of a sentence, likewise
WAYS = ("vectors", "two stages", "alignment", "dtaidistance")


class Sizes(NamedTuple):
    """What is timed."""

    segments: tuple[int, ...] = (1000, 7353, 10_000, 100_000)  # the second as many as the spoken archive has
    candidates: int = 60
    hidden: int = 64
    repetitions: int = 9
    aligned: int = 320  # sentences that alignment is timed on at most; more take proportionally longer


QUICK = Sizes(segments=(40,), candidates=1, hidden=4, repetitions=2, aligned=2)


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
    query, = frames(random, [QUERY])
    archive, encode = archive_of(count, sizes.hidden, random), query_encoder(autoencoder(sizes.hidden))
    some = np.arange(min(len(archive.sentences), sizes.aligned))
    peer_query = query.astype(np.double)
    peer = [segment.astype(np.double) for segment in frames(random, [SEGMENT] * min(count, SEGMENTS * sizes.aligned))]

    def by_vectors() -> np.ndarray:
        return archive.by_vectors(encode(query)[None])[0][0]

    def in_two_stages() -> np.ndarray:
        return archive.in_two_stages(query, by_vectors(), sizes.candidates)

    def by_peer() -> list[float]:
        return [dtw_ndim.distance_fast(peer_query, segment) for segment in peer]

    return {"vectors": (by_vectors, 1), "two stages": (in_two_stages, 1),
            "alignment": (lambda: archive.align(query, some), len(archive.sentences) / len(some)),
            "dtaidistance": (by_peer, count / len(peer))}


def frames(random: np.random.Generator, lengths: Sequence[int]) -> list[np.ndarray]:
    """Return random sequences of so many frames."""
    return [random.standard_normal((length, FEATURES)).astype(np.float32) for length in lengths]


def archive_of(count: int, hidden: int, random: np.random.Generator) -> searching.Archive:
    """Return an archive of `count` segments, whose vectors are random too."""
    places = np.arange(count) // SEGMENTS
    lengths = random.integers(SENTENCE // 2, SENTENCE + SENTENCE // 2, places[-1] + 1)
    vectors = retrieval.normalised(random.standard_normal((count, 2 * hidden)).astype(np.float32))
    return searching.Archive(None, frames(random, lengths), searching.Segments([], places, places, places), vectors, vectors.mean(0))


def autoencoder(hidden: int) -> torch.nn.Module:
    """Return an untrained bidirectional GRU autoencoder of one member."""
    run = Run(task="search", name="search", kind="audio_words", cell="gru", hidden=hidden, seeds=1, batch=1, model="audio_autoencoder",
              bidirectional=True, updates=1, options={"decoder_input": "constant"})
    sizes = TaskSizes(features=FEATURES, outputs=FEATURES, read="each", classes=False)
    return models.build(run, {}, sizes, [generator(0, "values")])


def report(times: dict[int, dict[str, list[float]]], sizes: Sizes) -> str:
    """Return the table as Markdown: milliseconds a query, and queries a second by vectors."""
    lines = [
        "# Time of one spoken query", "",
        f"Milliseconds, median of {sizes.repetitions} turns, encoding of the query (bidirectional GRU, hidden {sizes.hidden}) included. "
        f"A query has {QUERY} frames of {FEATURES} numbers, a sentence {SENTENCE} in the mean and {SEGMENTS} segments; the spoken archive "
        f"of the report has {sizes.segments[min(1, len(sizes.segments) - 1)]:,} segments.",
        f"*Two stages*: the nearest {sizes.candidates} sentences by vectors are aligned. *Alignment*: with every sentence, wherever in it "
        f"the query fits (subsequence DTW). *dtaidistance*: that library's DTW with every segment, from end to end. Both were timed on "
        f"{sizes.aligned} sentences at most and multiplied.", "",
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
