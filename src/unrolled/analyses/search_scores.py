"""How well spoken phrases were found, by method and member; and what is kept of it where the weights are not (F10).

`make record` keeps the scores of encoders that were trained once at full scale beside their records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unrolled import results, retrieval

Labels = tuple[Sequence[str], Sequence[str]]  # what each query asks for, and which phrase each sentence holds


class Scores(dict[str, list[np.ndarray]]):
    """By method, for each member, whether each query's first sentence is right, and its average precision: (2, queries)."""

    def take(self, method: str, distances: np.ndarray, labels: Labels) -> None:
        """Score the distances (queries, sentences) of one member, by what is asked for and what each sentence holds."""
        self.setdefault(method, []).append(np.stack([retrieval.first_hits(distances, *labels).astype(float),
                                                     retrieval.average_precisions(distances, *labels)]))

    def of_queries(self, method: str) -> np.ndarray:
        """Return both scores of each query, as a mean over members: (2, queries)."""
        return np.mean(self[method], 0)


def joined(parts: Sequence[Scores]) -> Scores:
    """Put the queries of several archives one after another."""
    return Scores({method: [np.concatenate(members, 1) for members in zip(*(part[method] for part in parts), strict=True)]
                   for method in parts[0]})


def recorded_file(section: str, run: str) -> Path:
    """Return where the scores of a run that was trained once at full scale lie, beside its record."""
    return results.recorded_file(section, run).with_suffix(".search.safetensors")


def keep(path: Path, scores: Scores, asked: Sequence[str], candidates: int) -> None:
    """Write scores as float32 (members, 2, queries), by method, with the phrases asked for and how many candidates were put in order."""
    arrays = {method: np.stack(members).astype(np.float32) for method, members in scores.items()}
    results.write_arrays(path, arrays | {"asked": _as_bytes(asked), "candidates": np.array([candidates])})


def recorded(section: str, run: str, members: int, asked: Sequence[str], candidates: int) -> Scores:
    """Return the scores kept of a run that was trained once at full scale.

    Args:
        section, run: its name. members: how many its record has. asked: the phrase of each query. candidates: of the second stage.

    Raises:
        ResultsError: there are none, or they are of other queries or members than those of now, or of another number of candidates.
    """
    path, again = recorded_file(section, run), f"run `make record SECTION={section} RUNS={run}`."
    if not path.exists():
        raise results.ResultsError(f"{path} is missing; {again}")
    arrays: Mapping[str, np.ndarray] = results.read_arrays(path)
    if not np.array_equal(arrays.get("asked"), _as_bytes(asked)):
        raise results.ResultsError(f"{path} holds scores of other queries than those of now; {again}")
    if arrays.get("candidates", np.zeros(0)).tolist() != [candidates]:
        raise results.ResultsError(f"{path} holds scores of another number of candidates than {candidates}; {again}")
    shape, methods = (members, 2, len(asked)), sorted(arrays.keys() - {"asked", "candidates"})
    if not methods or any(arrays[method].shape != shape for method in methods):
        raise results.ResultsError(f"{path} does not hold scores of {members} members and {len(asked)} queries, as its record and the "
                                   f"archives have; {again}")
    return Scores({method: list(arrays[method].astype(float)) for method in methods})


def _as_bytes(asked: Sequence[str]) -> np.ndarray:
    """Return phrases as bytes, a line for each: uint8 (bytes,)."""
    return np.frombuffer("\n".join(asked).encode(), np.uint8)
