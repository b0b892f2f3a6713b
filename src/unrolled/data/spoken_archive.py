"""An archive of spoken sentences in which some phrases occur, beside others that sound like them, and the phrases as queries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unrolled.data import spoken, vocabulary
from unrolled.data.espeak import Synthesiser, synthesise
from unrolled.data.spoken import Piece

PHRASES = ("white house", "prime minister", "green garden", "summer holiday", "police officer", "stone bridge", "golden river",
           "winter market")
CONFUSABLE = ("white horse", "light house", "the house is white", "right mouse", "green grass", "stone circle", "golden ring",
              "winter morning", "summer dress", "police station", "white mouse", "night house")
VALIDATION_PHRASES = ("yellow flower", "morning train", "silver castle", "happy birthday")
VALIDATION_CONFUSABLE = ("yellow floor", "morning rain", "silver candle", "happy holiday")
SENTENCES, ARCHIVE_VOICES, QUERY_VOICES = 320, 8, 5
VALIDATION_SENTENCES, VALIDATION_ARCHIVE, VALIDATION_QUERIES = 120, 4, 3
WITH_PHRASE, WITH_CONFUSABLE = 0.25, 0.2  # shares of sentences
FEWEST, MOST = 4, 8  # other words of a sentence
SLOWEST, FASTEST = 150, 200  # words a minute


def freeze(folder: Path) -> dict[str, int]:
    """Write sentences and queries with their sound, and the same without for validation; return the number of each."""
    pieces = synthesise(speak_archive)
    for split, part in pieces.items():
        spoken.freeze(folder, split, part, keep_sound=not split.endswith("validation"))
    return {split: len(part) for split, part in pieces.items()}


def speak_archive(synthesiser: Synthesiser) -> dict[str, list[Piece]]:
    """Speak both archives and the queries to them."""
    asks, asked = (vocabulary.halves(vocabulary.TEST_VOICES)[half] for half in ("query", "archive"))
    return {
        "sentences": say(synthesiser, sentences(SENTENCES, PHRASES, CONFUSABLE, 0), asked[:ARCHIVE_VOICES], 20),
        "queries": say(synthesiser, PHRASES * QUERY_VOICES, asks[:QUERY_VOICES], 21),
        "sentences_validation": say(synthesiser, sentences(VALIDATION_SENTENCES, VALIDATION_PHRASES, VALIDATION_CONFUSABLE, 1),
                                    vocabulary.VALIDATION_VOICES[-VALIDATION_ARCHIVE:], 22),
        "queries_validation": say(synthesiser, VALIDATION_PHRASES * VALIDATION_QUERIES,
                                  vocabulary.VALIDATION_VOICES[:VALIDATION_QUERIES], 23),
    }


def sentences(count: int, phrases: Sequence[str], confusable: Sequence[str], seed: int) -> list[str]:
    """Draw sentences of everyday words, a fifth with a confusable phrase and a quarter with one that is asked for, each in turn."""
    generator, found = np.random.default_rng([seed, 3]), []
    kinds = generator.choice(3, count, p=[WITH_PHRASE, WITH_CONFUSABLE, 1 - WITH_PHRASE - WITH_CONFUSABLE])
    turn = [0, 0]
    for kind in kinds:
        words = [str(word) for word in generator.choice(vocabulary.TRAINING_WORDS, generator.integers(FEWEST, MOST + 1))]
        if kind < 2:
            choices = (phrases, confusable)[kind]
            words.insert(int(generator.integers(1, len(words))), choices[turn[kind] % len(choices)])
            turn[kind] += 1
        found.append("the " + " ".join(words))
    return found


def say(synthesiser: Synthesiser, texts: Sequence[str], voices: Sequence[str], seed: int) -> list[Piece]:
    """Speak texts, an equal share of them in a row by each voice."""
    generator = np.random.default_rng([seed, 4])
    share = -(-len(texts) // len(voices))
    utterances = [spoken.drawn(generator, voices[place // share], text, SLOWEST, FASTEST) for place, text in enumerate(texts)]
    return spoken.speak(synthesiser, utterances, seed)
