"""Average precision of further words that training never heard, each list of which is searched for itself (F8, F9, F12).

Each list is as long as the test, so that its words are as hard to find. Of runs recorded once at full scale the weights are not kept:
`make record` keeps these scores beside the record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from unrolled import catalogue, results, retrieval, searching
from unrolled.analyses import trained, word_scores
from unrolled.analyses.word_scores import Scores, Spoken
from unrolled.data import spoken
from unrolled.settings import Settings
from unrolled.tasks.spoken_words import ARCHIVE, QUERY, SpokenWords

SPARED = {"pairs": "none", "limit": 1}  # options of a task: of the words to train on one is enough, since none is trained on
VectorsOf = Callable[[Sequence[np.ndarray]], np.ndarray]  # of pieces (frames, size) each: (members, pieces, size)


@dataclasses.dataclass(frozen=True)
class Further:
    """Where the further words are; read once for all runs that read speech alike.

    Attributes:
        folder: frozen set "spoken_further_words".
        section: of params.yaml, whose runs are scored.
    """

    folder: Path
    section: str
    _read: dict[tuple[int, str], list[Spoken]] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    def lists(self, task: SpokenWords) -> list[Spoken]:
        """Return the lists as a task reads speech; words are numbered within their list, in alphabetical order."""
        reading = (task.every, task.normalised_by)
        if reading not in self._read:
            self._read[reading] = [_as_read(spoken.load(self.folder, name), roles, task)
                                   for name, roles in spoken.voices(self.folder).items()]
        return self._read[reading]

    @cached_property
    def words(self) -> np.ndarray:
        """The words of all lists in the order of their scores, a line for each list, as bytes: uint8 (bytes,)."""
        return _words(self.folder)


def _as_read(pieces: spoken.Spoken, roles: Mapping[str, Sequence[str]], task: SpokenWords) -> Spoken:
    words, voices = (np.unique(names, return_inverse=True)[1] for names in (pieces.texts, pieces.voices))
    role_of = {voice: role for name, role in (("query", QUERY), ("archive", ARCHIVE)) for voice in roles[name]}
    return Spoken(task.prepare(pieces.features, pieces.voices), words, voices,
                  np.array([role_of.get(voice, -1) for voice in pieces.voices]))


def score(said: Sequence[Spoken], vectors_of: VectorsOf) -> Scores:
    """Return the average precision of all words, list after list, each looked for among its own list alone: (members, words)."""
    found = []
    for words in said:
        members = [word_scores.vector_scores(vectors, words.words, words.voices, words.roles) for vectors in vectors_of(words.frames)]
        found.append(Scores(*(np.concatenate(parts) for parts in zip(*members, strict=True))))
    return Scores(*(np.concatenate(parts, 1) for parts in zip(*found, strict=True)))


def append(scores: Mapping[str, Scores], further: Further, settings: Settings) -> dict[str, Scores]:
    """Return scores with those of the further words behind, where a run was trained here or they were recorded.

    Raises:
        ResultsError: scores were recorded on other words, or the words are not there.
    """
    section, found = trained.section_of(further.section, settings), dict(scores)
    for run in scores:
        more = of_run(run, further, settings) if run in section.runs else recorded(run, further, len(scores[run].plain))
        if more is not None:
            found[run] = joined(scores[run], more)
    return found


def joined(first: Scores, more: Scores) -> Scores:
    """Return the words of both, one after another: (members, words)."""
    return Scores(*(np.concatenate(parts, 1) for parts in zip(first, more, strict=True)))


def of_run(run: str, further: Further, settings: Settings) -> Scores:
    """Score a run that was trained here.

    Raises:
        SettingsError, ResultsError: as `trained.load`, or the words are not there.
    """
    loaded = trained.load(f"{further.section}/{run}", settings, f"tasks.{further.section}.runs", "audio_words", **SPARED)
    return score(further.lists(loaded.task), partial(searching.encode, loaded.model))


def naive(run: str, every: int, frames: int, further: Further, settings: Settings) -> Scores:
    """Score vectors of a few frames, as `word_scores.naive`, of speech as a run reads it, one frame in `every`."""
    section = trained.section_of(further.section, settings)
    task = catalogue.make_task(section.runs[run], section.reads, **SPARED, every=every)
    return score(further.lists(task), lambda pieces: retrieval.naive_vectors(pieces, frames)[None])


def recorded_file(section: str, run: str) -> Path:
    """Return where the scores of a run that was trained once at full scale lie, beside its record."""
    return results.recorded_file(section, run).with_suffix(".further.safetensors")


def keep(path: Path, scores: Scores, folder: Path) -> None:
    """Write scores as float32 (members, words), by kind, with the words that they are of."""
    arrays = {kind: values.astype(np.float32) for kind, values in scores._asdict().items()}
    results.write_arrays(path, arrays | {"words": _words(folder)})


def recorded(run: str, further: Further, members: int) -> Scores | None:
    """Return the scores kept of a run that was trained once at full scale; None where there are none.

    Args:
        run: its name. further: the words. members: how many its record has.

    Raises:
        ResultsError: they are of other words or members than those of now.
    """
    path = recorded_file(further.section, run)
    if not path.exists():
        return None
    arrays = results.read_arrays(path)
    if not np.array_equal(arrays.get("words"), further.words):
        raise results.ResultsError(f"{path} holds scores of other words than those of {further.folder}; run "
                                   f"`make record SECTION={further.section} RUNS={run}`.")
    shape = (members, len(further.words.tobytes().split()))
    if any(kind not in arrays or arrays[kind].shape != shape for kind in Scores._fields):
        raise results.ResultsError(f"{path} does not hold scores of {shape[0]} members and {shape[1]} words, as its record and "
                                   f"{further.folder} have; run `make record SECTION={further.section} RUNS={run}`.")
    return Scores(*(arrays[kind].astype(float) for kind in Scores._fields))


def _words(folder: Path) -> np.ndarray:
    """Return the words of all lists in the order of their scores, a line for each list, as bytes: uint8 (bytes,)."""
    texts = [" ".join(np.unique(spoken.load(folder, name).texts)) for name in spoken.voices(folder)]
    return np.frombuffer("\n".join(texts).encode(), np.uint8)
