"""Pieces about sentences and speech, made by the analyses' own functions from tiny untrained networks, with their sounds."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from spoken_strings import say

from unrolled import models, results, searching, training
from unrolled.analyses import archive_piece, ctc_piece, page_sounds, slot_filling_piece, sound_list_piece, trained
from unrolled.analyses.base import AnalysisResult, Piece
from unrolled.analyses.trained import Loaded
from unrolled.data import acoustics, spoken
from unrolled.data.spoken import Spoken
from unrolled.settings import Run
from unrolled.tasks.slots import Slots
from unrolled.tasks.speech_recognition import SpeechRecognition

LECTURE = {"arrive taipei on november": "B-toloc.city_name", "leave taipei on november": "B-fromloc.city_name"}
SENTENCES = (
    (["arrive", "boston", "on", "monday"], ["O", "B-toloc.city_name", "O", "B-depart_date.day_name"]),
    (["leave", "denver", "on", "monday"], ["O", "B-fromloc.city_name", "O", "B-depart_date.day_name"]),
    (["from", "denver", "to", "boston"], ["O", "B-fromloc.city_name", "O", "B-toloc.city_name"]),
)
CELLS = {"feed_forward": {"cell": "feed_forward"}, "elman_hidden_cities": {"cell": "elman", "options": {"hidden_cities": 0.5}},
         "jordan": {"cell": "jordan"}, "bidirectional_lstm": {"cell": "lstm", "bidirectional": True}}


def write_atis(folder: Path) -> Path:
    """Write a tiny set of sentences; the last of the test is also in training, the one before is too long."""
    for split in slots_splits():
        found = [{"words": words, "labels": labels, "repeated": False} for words, labels in SENTENCES * 4]
        if split == "test":
            words, labels = SENTENCES[0]
            found += [{"words": words * 4, "labels": labels * 4, "repeated": False}, {"words": words, "labels": labels, "repeated": True}]
        results.write_text(folder / f"{split}.jsonl", "".join(json.dumps({**each, "intent": "x"}) + "\n" for each in found))
    return folder


def slots_splits() -> tuple[str, ...]:
    return "train", "validation", "test"


def taggers(folder: Path, seeds: int = 3) -> dict[str, Loaded]:
    """Return untrained taggers of all kinds, with weights large enough for them to disagree."""
    found = {}
    for name, options in CELLS.items():
        run = Run(**({"task": "slots", "name": name, "kind": "slots", "hidden": 6, "seeds": seeds, "batch": 4, "embedding": 5} | options))
        task = Slots(folder, **run.options)
        model = models.build(run, {}, task.sizes, [training.generator(seed, "values") for seed in range(seeds)])
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= 5
        found[name] = Loaded(run, task, model)
    return found


def slot_filling(folder: Path, monkeypatch: pytest.MonkeyPatch, shown: int = 4, units: int = 4) -> tuple[Piece, dict[str, Loaded]]:
    """Return the piece about slot filling, and its networks."""
    loaded = taggers(write_atis(folder))
    items = {name: {key: value.numpy() for key, value in training.evaluate(each.model, each.task, "test", torch.device("cpu"))[1].items()}
             for name, each in loaded.items()}
    monkeypatch.setattr(trained, "load", lambda reference, *_: loaded[reference.partition("/")[2]])
    monkeypatch.setattr(results, "read_arrays", lambda path: items[path.name.split(".")[0]])
    settings = SimpleNamespace(tasks={"slots": SimpleNamespace(runs=dict.fromkeys(CELLS))})
    return slot_filling_piece.piece("slots", [*CELLS, "of_another_scale"], LECTURE, settings, shown, units), loaded


def recognisers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Loaded]:
    """Return three untrained recognisers of two members on made-up speech, whose "shown" strings have sounds of noise."""
    said = {"train": say(16, 0), "validation": say(8, 1), "test": say(12, 2), "shown": say(8, 3)}
    generator = np.random.default_rng(4)
    noise = [generator.integers(-9000, 9000, len(each) * acoustics.HOP).astype(np.int16) for each in said["shown"].features]
    monkeypatch.setattr(spoken, "load", lambda _, split: said[split])
    monkeypatch.setattr(spoken, "audio", lambda _, split: (acoustics.RATE, noise))
    found = {}
    for name, options in {"ctc": {}, "trimming": {"labels": "frames"}, "silence": {"labels": "frames", "silence": True}}.items():
        run = Run(task="speech_ctc", name=name, kind="speech_recognition", cell="lstm", hidden=5, seeds=2, batch=4, bidirectional=True,
                  path="fused", options=options)
        task = SpeechRecognition(folder, **options)
        model = models.build(run, {}, task.sizes, [training.generator(seed, "values") for seed in range(2)])
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= 5
        found[name] = Loaded(run, task, model)
    return found


def ctc(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AnalysisResult:
    """Return the piece about CTC with its sounds."""
    told, sounds = ctc_piece.of_section("speech_ctc", ("made up", "虚构"), recognisers(folder, monkeypatch))
    return AnalysisResult(pieces={"ctc_posteriors": ctc_piece.piece(told)}, sounds=sounds)


def archive(seed: int = 0) -> searching.Archive:
    """Return an archive of six sentences of four words of 20 frames each; a segment's vector is its mean and deviation."""
    generator = np.random.default_rng(seed)
    starts, ends = np.array([0, 20, 50, 70], np.int32), np.array([20, 40, 70, 90], np.int32)
    texts = ["the white house here"] * 2 + ["the stone bridge here"] * 2 + ["nothing at all here"] * 2
    found = Spoken([generator.standard_normal((90, 3)).astype(np.float32) for _ in texts], texts, ["v1", "v2"] * 3, [starts] * 6, [ends] * 6)
    segments = searching.cut(found, lambda features, voices: list(features))
    return searching.archive_of(found, found.features, segments, vectors_of(segments.frames))


def vectors_of(pieces: list[np.ndarray]) -> np.ndarray:
    return np.stack([np.concatenate([each.mean(0), each.std(0)]) for each in pieces])


def search(folder: Path, monkeypatch: pytest.MonkeyPatch, rows: int = 3) -> AnalysisResult:
    """Return the piece about the archive with its sounds: two phrases, each asked for twice."""
    held, generator = archive(), np.random.default_rng(5)
    frames = [held.sentences[place][20:70] for place in (0, 2, 1, 3)]
    queries = Spoken(frames, ["white house", "stone bridge"] * 2, ["q1", "q1", "q2", "q2"], [], [])
    sounds = {"sentences": [generator.integers(-9000, 9000, 90 * acoustics.HOP).astype(np.int16) for _ in range(6)],
              "queries": [generator.integers(-9000, 9000, 50 * acoustics.HOP).astype(np.int16) for _ in range(4)]}
    monkeypatch.setattr(spoken, "load", lambda _, split: queries)
    monkeypatch.setattr(spoken, "audio", lambda _, split: (acoustics.RATE, sounds[split]))
    labels = queries.texts, ["white house"] * 2 + ["stone bridge"] * 2 + [""] * 2
    return archive_piece.searched(folder, held, frames, vectors_of(frames), labels, candidates=2, rows=rows, every=1)


def words() -> AnalysisResult:
    """Return the list of words with their sounds."""
    chosen = Spoken([], ["near", "fear", "house"] * 2, ["en-us+a"] * 3 + ["en-us+b"] * 3, [], [])
    names = [f"{word}-{voice[-1]}" for word, voice in zip(chosen.texts, chosen.voices, strict=True)]
    noise = np.random.default_rng(6).integers(-9000, 9000, 4000).astype(np.int16)
    piece = sound_list_piece.piece(chosen, [f"sounds/audio_tsne/{name}.wav" for name in names], {"near": ["n", "ɪ", "ɹ"]},
                                   {"near": "ear", "fear": "ear", "house": "ouse"})
    return AnalysisResult(pieces={"sound_list": piece}, sounds={name: page_sounds.for_page(noise) for name in names})


def write_sounds(found: AnalysisResult, analysis: str, folder: Path) -> None:
    """Write the sounds where a page in the folder looks for them."""
    (folder / "sounds" / analysis).mkdir(parents=True)
    for name, content in found.sounds.items():
        (folder / "sounds" / analysis / f"{name}.wav").write_bytes(content)
