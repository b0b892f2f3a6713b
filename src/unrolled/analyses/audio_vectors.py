"""Vectors of spoken words: how well a word is found again, against what needs no training and what was trained by halves (F8, F9, F12)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unrolled.analyses import audio_words_shown as shown
from unrolled.analyses import further_words, trained, word_scores
from unrolled.analyses.base import AnalysisResult
from unrolled.analyses.word_scores import Scores
from unrolled.settings import Settings, SettingsError, TaskSection, nearest


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared.

    Attributes:
        section: of params.yaml.
        autoencoder: the run that all else is held against. further: the same on further seeds, recorded once; empty for none. What claims
            of the autoencoder itself say is told by both together. own, target: the same network, whose decoder reads its own output, or
            the right frame. correspondence: the run that writes mined neighbours.
        lecture: the run whose encoder reads in one direction and whose decoder reads its own output, as the lecture has it.
        frames: of the naive vector.
        every: one frame in so many is aligned by DTW and taken for naive vectors.
        more_words: folder of further words, which the differences of vectors are over too; empty for none.
    """

    section: str = "audio_words"
    autoencoder: str = "autoencoder"
    further: str = ""
    own: str = "own_output"
    target: str = "teacher_forcing"
    correspondence: str = "correspondence"
    frozen_encoder: str = "frozen_encoder"
    lecture: str = "lecture"
    frames: int = 10
    every: int = 1
    more_words: str = ""

    def __post_init__(self) -> None:
        """Refuse vectors of no frames."""
        if self.frames < 1 or self.every < 1:
            raise ValueError(f"frames is {self.frames} and every is {self.every}; both must be at least 1.")


def analyse(options: Options, settings: Settings) -> AnalysisResult:
    """Score all runs and what needs no training word by word, and hold them against each other."""
    section = settings.tasks.get(options.section)
    if section is None or options.autoencoder not in section.runs or section.kind != "audio_words":
        raise SettingsError(f"analyses.audio_vectors.autoencoder is {options.autoencoder!r}, which is no run of an audio_words section "
                            f"{options.section!r}.")
    records = trained.gather(options.section, settings)
    baselines = untrained(options, settings)
    scores = {run: word_scores.trained_scores(trained.items_of(options.section, run, settings)) for run in records}
    scores |= {name: found.scores for name, found in baselines.items()}
    compared = with_all_seeds(with_further_words(scores, options, settings), options)
    scores = with_all_seeds(scores, options)
    result = AnalysisResult(values=values_of(scores, compared, options))
    result.recorded = recorded_behind(result.values, scores, section, options)
    if options.frozen_encoder in records:
        result.add(writing(options, settings))
    forced = forced_losses(options, settings) if options.target in section.runs else []
    if forced:
        result.values["forced_loss"] = forced
    result.figures["audio_map"] = shown.dots(scores, list(baselines))
    result.tables["audio_words"] = shown.table(records, baselines)
    result.sentences.append(shown.on_vectors(scores, options.autoencoder, options.correspondence,
                                             settings.data.source == "official"))
    result.sentences.append(shown.on_halves(scores, options.autoencoder))
    inputs = [run for run in (options.autoencoder, options.own, options.target) if run in records]
    if len(inputs) == 3:
        result.figures["audio_inputs"] = shown.inputs(records, inputs, forced)
        result.sentences.append(shown.on_inputs(records, inputs, forced))
    return result


def writing(options: Options, settings: Settings) -> AnalysisResult:
    """Hold what a decoder learns to write from the vectors of a frozen encoder against what both learn together, seed by seed and word by
    word: of how well words are found again, which hangs on the encoder alone, the decoder's training can change nothing.
    """
    frozen, together = (word_scores.errors(trained.items_of(options.section, run, settings))
                        for run in (options.frozen_encoder, options.autoencoder))
    seeds, name = min(len(frozen), len(together)), f"writing_over_{options.frozen_encoder}"
    result = AnalysisResult(values={name: (frozen[:seeds] - together[:seeds]).tolist()})
    if options.frozen_encoder in trained.section_of(options.section, settings).elsewhere:
        result.recorded = {name: [f"{options.section}/{options.frozen_encoder}"]}
    result.sentences.append(shown.on_writing(frozen.mean(1), together.mean(1)))
    return result


def untrained(options: Options, settings: Settings) -> dict[str, word_scores.Untrained]:
    """Score what needs no training."""
    said = word_scores.spoken(options.section, options.autoencoder, settings, options.every)
    return {"naive": word_scores.naive(said, options.frames), "dtw_cosine": word_scores.aligned(said, "cosine"),
            "dtw_euclidean": word_scores.aligned(said, "euclidean"), "random": word_scores.at_random(said)}


def with_further_words(scores: Mapping[str, Scores], options: Options, settings: Settings) -> dict[str, Scores]:
    """Return the scores, behind which stand those of the further words where there are any: of trained and of naive vectors.

    Raises:
        ResultsError: as `further_words.append`.
    """
    if not options.more_words:
        return dict(scores)
    further = further_words.Further(Path(options.more_words), options.section)
    naive = further_words.naive(options.autoencoder, options.every, options.frames, further, settings)
    return {**further_words.append(scores, further, settings), "naive": further_words.joined(scores["naive"], naive)}


def with_all_seeds(scores: Mapping[str, Scores], options: Options) -> dict[str, Scores]:
    """Return the scores with the further seeds of the autoencoder among its own."""
    return {options.autoencoder: pooled(scores, options)} | {
        name: found for name, found in scores.items() if name not in (options.autoencoder, options.further)}


def pooled(scores: Mapping[str, Scores], options: Options) -> Scores:
    """Return the scores of the autoencoder's own seeds and of the further ones, on the words that both have.

    Raises:
        SettingsError: there is no run of the further seeds' name.
    """
    if not options.further:
        return scores[options.autoencoder]
    if options.further not in scores:
        raise SettingsError(f"analyses.audio_vectors.further is {options.further!r}, which was neither trained nor recorded"
                            f"{nearest(options.further, scores)}")
    parts = zip(scores[options.autoencoder], scores[options.further], strict=True)
    return Scores(*(np.concatenate(word_scores.on_shared_words(*pair)) for pair in parts))


def values_of(scores: Mapping[str, Scores], compared: Mapping[str, Scores], options: Options) -> dict[str, Any]:
    """Return scores per seed, and differences by seed and word, of the runs that claims are about from all else.

    Args:
        scores: of the test's words, which means are taken over. compared: of all words there are, of which the differences are.
        options: which runs claims are about.
    """
    values: dict[str, Any] = {}
    for name, found in scores.items():
        values[f"map_{name}"], values[f"map_voice_mean_{name}"] = (part.mean(1).tolist() for part in found)
    for first, second in _pairs(scores, options):
        for kind, place in (("", 0), ("_voice_mean", 1)):
            values[f"{first}_over_{second}{kind}"] = word_scores.difference(compared[first], compared[second], place).tolist()
    return values


def recorded_behind(values: Mapping[str, Any], scores: Mapping[str, Scores], section: TaskSection, options: Options
                    ) -> dict[str, list[str]]:
    """Return, by difference, the runs recorded once that it is of; the further seeds where it has more than were trained here."""
    found = {}
    for first, second in _pairs(scores, options):
        more = options.further if len(values[f"{first}_over_{second}"]) > section.runs[options.autoencoder].seeds else ""
        sides = [more if side == options.autoencoder else side for side in (first, second)]
        if runs := [f"{section.name}/{run}" for run in sides if run in section.elsewhere]:
            found |= {f"{first}_over_{second}{kind}": runs for kind in ("", "_voice_mean")}
    return found


def _pairs(scores: Mapping[str, Scores], options: Options) -> Iterator[tuple[str, str]]:
    for first in (options.autoencoder, options.own, options.lecture, options.correspondence):
        yield from ((first, second) for second in scores if first in scores and second != first)


@torch.no_grad()
def forced_losses(options: Options, settings: Settings) -> list[float]:
    """Return each member's error on test words where a teacher-forced decoder is given the right frames, as in its training."""
    loaded = trained.load(f"{options.section}/{options.target}", settings, "analyses.audio_vectors.target", "audio_words")
    items: list[dict[str, torch.Tensor]] = []
    for batch in loaded.task.evaluation_batches("test"):
        vectors = loaded.model.vectors(batch)
        members = len(vectors)
        everyone = batch._replace(**{name: part.expand(members, *part.shape[1:]) for name, part in batch._asdict().items()})
        frames = loaded.model.write(vectors, everyone, forced=True)
        items.append(loaded.task.items(torch.cat([vectors, frames.flatten(2)], -1), everyone))
    errors, roles = (torch.cat([part[name] for part in items], 1).numpy() for name in ("squared_error", "role"))
    new = roles[0] < word_scores.SEEN
    return np.mean(errors[:, new], axis=1).tolist()
