"""The archive to be searched by ear: spoken phrases, and the sentences that each method finds first (F10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled.analyses import page_sounds
from unrolled.analyses.base import AnalysisResult, Piece, played
from unrolled.data import acoustics, spoken
from unrolled.searching import Archive

METHODS = ("vectors", "alignment", "two_stages")
SECONDS = acoustics.HOP / acoustics.RATE  # of a frame


class Ranking(NamedTuple):
    """What one method finds first.

    Attributes:
        sentences: numbers of the first ones, in order. scores: of each. spans: seconds of each in which the phrase may have been said.
    """

    sentences: list[int]
    scores: list[float]
    spans: list[tuple[float, float]]


def rankings(archive: Archive, frames: np.ndarray, vector: np.ndarray, candidates: int, rows: int, every: int) -> dict[str, Ranking]:
    """Search for one phrase by vectors, by alignment with every sentence, and by alignment with the candidates that vectors give.

    Args:
        archive: of one member. frames: of the query. vector: (size,), the same member's.
        candidates: of the second stage. rows: to be found.
        every: frames of 10 ms that one frame of the aligned sentences stands for.

    Returns:
        The first sentences by method. Scores are the cosine of vectors, higher is nearer; of alignments the mean distance of a frame.
    """
    distances, nearest = archive.by_vectors(vector[None])
    aligned = archive.align(frames, np.arange(len(archive.sentences)))
    staged = archive.in_two_stages(frames, distances[0], candidates)
    found = {}
    for method, values in zip(METHODS, (distances[0], aligned.distances, staged), strict=True):
        first = values.argsort(kind="stable")[:rows]
        segments = nearest[0, first]
        starts, ends, unit = aligned.starts[first], aligned.ends[first], every * SECONDS
        scores = aligned.distances[first]
        if method == "vectors":
            starts, ends, unit = archive.segments.starts[segments], archive.segments.ends[segments], SECONDS
            scores = 1 - distances[0, first]
        spans = [(round(begin * unit, 2), round(end * unit, 2)) for begin, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        found[method] = Ranking(first.tolist(), scores.astype(float).round(3).tolist(), spans)
    return found


def searched(folder: Path, archive: Archive, queries: Sequence[np.ndarray], vectors: np.ndarray,
             labels: tuple[Sequence[str], Sequence[str]], candidates: int, rows: int, every: int) -> AnalysisResult:
    """Return the piece and its sounds: the first query for each phrase, and every sentence that any method puts among its first.

    Args:
        folder: of the frozen archive. archive, queries, vectors: as one member sees them: (queries, size).
        labels: what each query asks for, and which phrase each sentence holds; candidates, rows, every: as of `rankings`.
    """
    places = {phrase: labels[0].index(phrase) for phrase in dict.fromkeys(labels[0])}  # of the first query for each
    found = {phrase: rankings(archive, queries[place], vectors[place], candidates, rows, every) for phrase, place in places.items()}
    used = sorted({sentence for ranked in found.values() for ranking in ranked.values() for sentence in ranking.sentences})
    (rate, said), (_, asked) = spoken.audio(folder, "sentences"), spoken.audio(folder, "queries")
    voices = spoken.load(folder, "queries").voices
    result = AnalysisResult()
    result.sounds = {f"sentence-{place}": page_sounds.for_page(said[place], rate) for place in used}
    result.sounds |= {_named(phrase): page_sounds.for_page(asked[place], rate) for phrase, place in places.items()}
    phrases = [{"phrase": phrase, "voice": voices[places[phrase]], "sound": played("spoken_search", _named(phrase)),
                "holding": labels[1].count(phrase),
                "found": {method: [[sentence, score, *span] for sentence, score, span in zip(*ranking, strict=True)]
                          for method, ranking in ranked.items()}} for phrase, ranked in found.items()]
    sentences = {str(place): {"text": archive.spoken.texts[place], "voice": archive.spoken.voices[place], "phrase": labels[1][place],
                              "seconds": round(len(said[place]) / rate, 2), "sound": played("spoken_search", f"sentence-{place}")}
                 for place in used}
    result.pieces["archive_search"] = _piece({"phrases": phrases, "sentences": sentences, "archive": len(archive.sentences),
                                              "candidates": candidates})
    return result


def _named(phrase: str) -> str:
    return f"query-{phrase.replace(' ', '-')}"


def _piece(data: Mapping[str, Any]) -> Piece:
    return Piece(
        "archive_search", data, ["F10"], "Search the archive by ear.", "用耳朵检索语音库。",
        "Choose a phrase, listen to it, and listen to what each method finds: the whole sentence, or the place where the phrase may have "
        "been said. No method sees a text; the texts are there for you. Vectors of the first seed. Synthetic speech at 8 kHz, by voices "
        "that were never learned from.",
        "选一个短语先听一遍，再听各方法找到了什么：可听整句，也可只听疑似说出该短语的那一段。"
        "检索全凭声音，不看文字，文字只供你对照。向量取第一个种子。合成语音，8 kHz，嗓音均未在训练中出现。")
