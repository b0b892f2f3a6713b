"""A spoken phrase is looked for in an archive of spoken sentences: by vectors, by alignment, by both (F10)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled import retrieval, searching
from unrolled.analyses import archive_piece, search_scores, trained
from unrolled.analyses import spoken_search_shown as shown
from unrolled.analyses.base import AnalysisResult
from unrolled.analyses.further_words import SPARED
from unrolled.analyses.search_scores import Labels, Scores
from unrolled.data import spoken
from unrolled.data.spoken import Spoken
from unrolled.searching import Archive
from unrolled.settings import Settings, SettingsError, nearest
from unrolled.tasks.audio_words import AudioWords

ARCHIVES = (("sentences", "queries"), ("sentences_second", "queries_second"),  # the same phrases by other voices
            ("sentences_third", "queries_third"))  # further phrases
ENCODERS = ("vectors", "two_stages")  # methods that search by the vectors of an encoder
MEASURES = ("precision_at_1", "mean_average_precision", "lead")


@dataclasses.dataclass(frozen=True)
class Options:
    """What is searched, by what.

    Attributes:
        archive: folder of the frozen archive.
        encoder: run whose vectors search. further: the same on further seeds, recorded once; empty for none.
        correspondence: the same after training on mined pairs.
        candidates: sentences that the second stage puts in order.
        shown: phrase whose answers are shown. rows: how many.
    """

    archive: str = "data/spoken_archive"
    encoder: str = "audio_words/autoencoder"
    further: str = ""
    correspondence: str = "audio_words/correspondence"
    candidates: int = 40
    shown: str = "white house"
    rows: int = 5


@dataclasses.dataclass(frozen=True)
class Searched:
    """One run's view of the archive.

    Attributes:
        archives: one per member; they differ in their vectors alone.
        queries: frames of each query as the encoder reads them. vectors: (members, queries, size).
    """

    archives: list[Archive]
    queries: list[np.ndarray]
    vectors: np.ndarray


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Search with every method, and show what is found.

    Raises:
        SettingsError: nobody asks for the phrase that is to be shown, or there is no run of the further seeds' name.
        ResultsError: the further seeds were not recorded, or with other queries.
    """
    folder = Path(options.archive)
    if options.shown not in (asked := spoken.load(folder, "queries").texts):
        raise SettingsError(f"analyses.spoken_search.shown is {options.shown!r}, which no query asks for{nearest(options.shown, asked)}")
    runs = {option: trained.load(getattr(options, option), settings, f"analyses.spoken_search.{option}", "audio_words", pairs="none")
            for option in ("encoder", "correspondence")}
    found = [search(options, runs, *archive) for archive in archives_in(folder)]
    scores, work = search_scores.joined([each.scores for each in found]), _means([each.work for each in found])
    first, labels, every = found[0].view, found[0].labels, runs["encoder"].task.every
    asked = [text for each in found for text in each.labels[0]]
    if options.further:
        add_further_seeds(scores, options, settings, asked)
    result = AnalysisResult(values=as_values(scores, work, asked))
    if options.further:
        result.recorded = {value: [options.further] for value in ("lead_vectors_over_naive", *(
            f"{measure}_{method}" for measure in MEASURES for method in ENCODERS))}
    result.figures["spoken_search"] = shown.figure(scores)
    result.tables["spoken_search"] = shown.methods(scores, work)
    result.tables["spoken_search_answers"] = shown.answers(first.archives[0], first.queries, first.vectors[0], labels, options.shown,
                                                           options.candidates, options.rows)
    result.tables["spoken_search_phrases"] = shown.phrases(result.values, asked)
    counts = len(ARCHIVES), len(first.archives[0].sentences)
    result.sentences += [shown.sentence(scores, result.values, work, *counts), shown.of_phrase(result.values, asked, options.shown)]
    result.add(archive_piece.searched(folder, first.archives[0], first.queries, first.vectors[0], labels, options.candidates, options.rows,
                                      every))
    return result


def archives_in(folder: Path) -> list[tuple[Spoken, Spoken]]:
    """Return the sentences of each archive, and the queries to it."""
    return [(spoken.load(folder, sentences), spoken.load(folder, queries)) for sentences, queries in ARCHIVES]


def add_further_seeds(scores: Scores, options: Options, settings: Settings, asked: Sequence[str]) -> None:
    """Put the scores of the encoder's further seeds behind those of its own.

    Raises:
        SettingsError: there is no run of their name.
        ResultsError: they were not recorded, or with other queries or another number of candidates.
    """
    section, _, run = options.further.partition("/")
    members = len(trained.recorded(options.further, settings, "analyses.spoken_search.further")["members"])
    for method, more in search_scores.recorded(section, run, members, asked, options.candidates).items():
        scores[method].extend(more)


def of_further_seeds(options: Options, settings: Settings) -> tuple[Scores, list[str]]:
    """Search with the vectors of the further seeds, where these were trained here; return their scores, and the phrase of each query."""
    loaded = trained.load(options.further, settings, "analyses.spoken_search.further", "audio_words", **SPARED)
    parts, asked = [], []
    for sentences, queries in archives_in(Path(options.archive)):
        labels, scores = (queries.texts, phrases_in(sentences, queries)), Scores()
        in_both_stages(scores, ENCODERS, look(loaded, sentences, hear(loaded.task, sentences, queries)), labels, options.candidates)
        parts.append(scores)
        asked.extend(queries.texts)
    return search_scores.joined(parts), asked


class Search(NamedTuple):
    """What was found in one archive, and by how much work; `view` is that of the encoder."""

    scores: Scores
    view: Searched
    labels: Labels
    work: dict[str, float]


def search(options: Options, runs: Mapping[str, trained.Loaded], sentences: Spoken, queries: Spoken) -> Search:
    """Search one archive with every method."""
    labels, scores = (queries.texts, phrases_in(sentences, queries)), Scores()
    encoder, correspondence = runs["encoder"], runs["correspondence"]
    heard = hear(encoder.task, sentences, queries)
    first = look(encoder, sentences, heard)
    in_both_stages(scores, ENCODERS, first, labels, options.candidates)
    baselines(scores, first, labels)
    if not read_alike(encoder.task, correspondence.task):
        heard = hear(correspondence.task, sentences, queries)
    in_both_stages(scores, ("pairs", "pairs_two_stages"), look(correspondence, sentences, heard), labels, options.candidates)
    return Search(scores, first, labels, frames_compared(first, options.candidates))


def _means(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}


def phrases_in(sentences: Spoken, queries: Spoken) -> list[str]:
    """Return the phrase that each sentence holds, of those that are asked for; empty where it holds none."""
    return [next((phrase for phrase in dict.fromkeys(queries.texts) if f" {phrase} " in f" {text} "), "") for text in sentences.texts]


class Heard(NamedTuple):
    """An archive and the queries to it as an encoder reads them: the segments, whole sentences, and queries."""

    segments: searching.Segments
    sentences: list[np.ndarray]
    queries: list[np.ndarray]


def hear(task: AudioWords, sentences: Spoken, queries: Spoken) -> Heard:
    """Prepare an archive and the queries as a task does."""
    return Heard(searching.cut(sentences, task.prepare), task.prepare(sentences.features, sentences.voices),
                 task.prepare(queries.features, queries.voices))


def read_alike(first: AudioWords, second: AudioWords) -> bool:
    """Tell whether two tasks prepare speech in the same way."""
    return (first.every, first.normalised_by) == (second.every, second.normalised_by)


def look(loaded: trained.Loaded, sentences: Spoken, heard: Heard) -> Searched:
    """Encode the segments of an archive and the queries to it with every member of a run."""
    archives = [searching.archive_of(sentences, heard.sentences, heard.segments, vectors)
                for vectors in searching.encode(loaded.model, heard.segments.frames)]
    return Searched(archives, heard.queries, searching.encode(loaded.model, heard.queries))


def in_both_stages(scores: Scores, names: tuple[str, str], view: Searched, labels: Labels, candidates: int) -> None:
    """Score vectors alone, and vectors whose best candidates were put in order by alignment."""
    for archive, vectors in zip(view.archives, view.vectors, strict=True):
        distances, _ = archive.by_vectors(vectors)
        scores.take(names[0], distances, labels)
        scores.take(names[1], np.stack([archive.in_two_stages(query, row, candidates)
                                        for query, row in zip(view.queries, distances, strict=True)]), labels)


def baselines(scores: Scores, view: Searched, labels: Labels) -> None:
    """Score alignment with every sentence, ten frames as a vector, and chance: one ranking at random for every query."""
    archive = view.archives[0]
    every = np.arange(len(archive.sentences))
    scores.take("alignment", np.stack([archive.align(query, every).distances for query in view.queries]), labels)
    naive = searching.archive_of(archive.spoken, archive.sentences, archive.segments, retrieval.naive_vectors(archive.segments.frames))
    scores.take("naive", naive.by_vectors(retrieval.naive_vectors(view.queries))[0], labels)
    scores.take("chance", np.random.default_rng(0).random((len(view.queries), len(archive.sentences))), labels)


def frames_compared(view: Searched, candidates: int) -> dict[str, float]:
    """Return how many pairs of frames, or of vectors, a query is compared with in the mean: the work that does not depend on a machine."""
    archive = view.archives[0]
    frames, asked = np.array([len(part) for part in archive.sentences]), np.array([len(part) for part in view.queries])
    chosen = [frames[row.argsort(kind="stable")[:candidates]].sum() for row in archive.by_vectors(view.vectors[0])[0]]
    return {"vectors": float(len(archive.vectors)), "two_stages": float(len(archive.vectors) + (asked * chosen).mean()),
            "alignment": float((asked * frames.sum()).mean())}


def as_values(scores: Scores, work: Mapping[str, float], asked: Sequence[str]) -> dict[str, Any]:
    """Return each method's scores by member and phrase, their lead over alignment, that of vectors over ten frames, and a query's work.

    Queries for one phrase, spoken by many voices, are no trials of their own: what is asked for is whether other phrases would be found.

    Args:
        scores: of all queries. work: by method. asked: the phrase of each query.
    """
    found: dict[str, Any] = {f"work_{method}": value for method, value in work.items()}
    phrases = np.unique(asked)
    means = {method: np.stack([np.stack(members)[:, :, np.asarray(asked) == phrase].mean(2) for phrase in phrases], 2)
             for method, members in scores.items()}  # (members, 2, phrases)
    for method, values in means.items():
        for place, name in enumerate(MEASURES[:2]):
            found[f"{name}_{method}"] = values[:, place].tolist()
        if "alignment" in means:
            found[f"lead_{method}"] = (values[:, 1] - means["alignment"][:, 1]).tolist()
    if "naive" in means:
        found["lead_vectors_over_naive"] = (means["vectors"][:, 1] - means["naive"][:, 1]).tolist()
    return found
