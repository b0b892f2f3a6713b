"""Single spoken words: to learn from, and to be searched for in the voices of others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unrolled import results
from unrolled.data import acoustics, spoken, vocabulary
from unrolled.data.espeak import Synthesiser, synthesise
from unrolled.data.recordings import NAMES, RATE, SPEAKERS, Recording
from unrolled.data.spoken import Piece

TRAINING_WORDS = 600
QUERY_SPEAKER, ARCHIVE_SPEAKER = "theo", "jackson"  # of the recorded digits: never learned from
SEEN_QUERY, SEEN_ARCHIVE = "george", "nicolas"
ASKED, LAST_LEARNED = 15, 45  # takes that are asked for, and from which on takes are for validation
STRESS = "ˈˌː ̩"


def freeze(source: str, folder: Path, found: Sequence[Recording]) -> dict[str, int]:
    """Write train, validation, test (with its sound) and seen, and who asks whom; return the number of words of each.

    Args:
        source: "packaged" or "official". folder: to write to. found: the recordings of the official source.
    """
    pieces = recorded_words(found) if source == "official" else synthesise(speak_words)
    results.write_json(folder / "voices.json", {
        split: vocabulary.halves(tuple(dict.fromkeys(piece.voice for piece in pieces[split]))) for split in ("validation", "test", "seen")})
    results.write_json(folder / "phonemes.json", {piece.text: letters(piece.phonemes) for part in pieces.values() for piece in part})
    for split, part in pieces.items():
        spoken.freeze(folder, split, part, RATE if source == "official" else acoustics.RATE, keep_sound=split == "test")
    return {split: len(part) for split, part in pieces.items()}


def speak_words(synthesiser: Synthesiser) -> dict[str, list[Piece]]:
    """Speak all splits: other words in other voices for validation and test, and words learned in the voices of the test."""
    training = sorted(random.Random(1).sample(vocabulary.TRAINING_WORDS, TRAINING_WORDS))
    plan = {"train": (training, vocabulary.TRAINING_VOICES), "validation": (vocabulary.VALIDATION_WORDS, vocabulary.VALIDATION_VOICES),
            "test": (vocabulary.TEST_WORDS, vocabulary.TEST_VOICES), "seen": (training[::10], vocabulary.TEST_VOICES)}
    return {split: say(synthesiser, words, voices, seed) for seed, (split, (words, voices)) in enumerate(plan.items())}


def say(synthesiser: Synthesiser, words: Sequence[str], voices: Sequence[str], seed: int) -> list[Piece]:
    """Let every voice say every word once, each at a rate and pitch of its own."""
    generator = np.random.default_rng([seed, 0])
    return spoken.speak(synthesiser, [spoken.drawn(generator, voice, word) for voice in voices for word in words], seed, words_only=True)


def letters(phonemes: str) -> list[str]:
    """Return the phonemes of a word without marks of stress and length; a tie or a second letter of a diphthong is a letter too."""
    return [letter for letter in phonemes if letter not in STRESS]


def recorded_words(found: Sequence[Recording]) -> dict[str, list[Piece]]:
    """Return recorded digits as words: two speakers are kept out for the test; takes of the others for validation."""
    def pieces(speakers: Sequence[str], takes: range) -> list[Piece]:
        return [Piece(one.samples, NAMES[one.digit], one.speaker, np.zeros(1), np.array([len(one.samples) / RATE]))
                for speaker in speakers for one in found if one.speaker == speaker and one.take in takes]

    learned = [speaker for speaker in SPEAKERS if speaker not in (QUERY_SPEAKER, ARCHIVE_SPEAKER)]
    return {"train": pieces(learned, range(ASKED, LAST_LEARNED)), "validation": pieces(learned, range(LAST_LEARNED, 50)),
            "test": pieces((QUERY_SPEAKER, ARCHIVE_SPEAKER), range(ASKED)), "seen": pieces((SEEN_QUERY, SEEN_ARCHIVE), range(ASKED))}
