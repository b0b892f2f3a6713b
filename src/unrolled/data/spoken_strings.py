"""Strings of spoken digits and of Chinese syllables, many of which hold one twice in a row."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unrolled.data import acoustics, recordings, spoken, vocabulary
from unrolled.data.espeak import Synthesiser
from unrolled.data.recordings import NAMES, Recording
from unrolled.data.spoken import Piece

SHORTEST, LONGEST = 2, 5  # words of a string
REPEATED, PAUSED = 0.5, 0.5  # shares of strings that hold a word twice in a row, and that are said with pauses
COUNTS = {"train": 1500, "validation": 200, "test": 400}
SHOWN = 20  # strings of the test whose sound is kept
LONGEST_PAUSE = 0.3  # seconds, of recorded strings

SYLLABLES = "好 棒 看 慢 谢 天 大 小 人 山 水 日 来 去 红 走 听 想 快 高".split()
DOUBLED = ("好 棒", "好 棒 棒", "看 看", "慢 慢", "慢 慢 走", "谢 谢", "天 天", "好 好", "大 大", "小 小", "人 人", "来 来 去 去", "快 快",
           "高 高", "想 想 看", "听 听 看", "走 走 看 看")
CHINESE = "cmn"


def freeze(folder: Path, pieces: Mapping[str, Sequence[Piece]], rate: int = acoustics.RATE) -> dict[str, int]:
    """Write train, validation and test, and some of the test once more with their sound as shown; return the number of strings of each."""
    for split, part in pieces.items():
        spoken.freeze(folder, split, part, rate)
    spoken.freeze(folder, "shown", pieces["test"][:SHOWN], rate, keep_sound=True)
    return {split: len(part) for split, part in pieces.items()}


def speak_digits(synthesiser: Synthesiser) -> dict[str, list[Piece]]:
    """Speak strings of digits, every split in voices of its own."""
    voices = {"train": vocabulary.TRAINING_VOICES, "validation": vocabulary.VALIDATION_VOICES, "test": vocabulary.TEST_VOICES}
    return {split: _say(synthesiser, strings(NAMES, COUNTS[split], place), chosen, place, ", ")
            for place, (split, chosen) in enumerate(voices.items())}


def speak_mandarin(synthesiser: Synthesiser) -> dict[str, list[Piece]]:
    """Speak strings of syllables, every split in variants of the Chinese voice of its own; the doubled words stand first in the test."""
    voices = {"train": vocabulary.TRAINING_VOICES, "validation": vocabulary.VALIDATION_VOICES, "test": vocabulary.TEST_VOICES}
    found = {}
    for place, (split, chosen) in enumerate(voices.items()):
        texts = strings(SYLLABLES, COUNTS[split], place)
        texts = [*DOUBLED, *texts[len(DOUBLED) :]] if split == "test" else [text for text in texts if text not in DOUBLED]
        found[split] = _say(synthesiser, texts, [voice.replace("en-us", CHINESE) for voice in chosen], 10 + place, "，")
    return found


def strings(words: Sequence[str], count: int, seed: int) -> list[str]:
    """Draw strings of words; in half of them, and in no other, a word follows itself."""
    generator = random.Random(seed)
    return [" ".join(_string(words, generator, place % 2 == 0)) for place in range(count)]


def _string(words: Sequence[str], generator: random.Random, repeated: bool) -> list[str]:
    found = [generator.choice(words)]
    length = generator.randint(SHORTEST, LONGEST)
    while len(found) < length:
        found.append(generator.choice([word for word in words if word != found[-1]]))
    if repeated:
        place = generator.randrange(length - 1)
        found[place + 1] = found[place]
    return found


def _say(synthesiser: Synthesiser, texts: Sequence[str], voices: Sequence[str], seed: int, pause: str) -> list[Piece]:
    """Speak every text in a voice drawn at random, half of them with a pause after each word.

    A text is left out where the synthesiser takes two syllables for one word of its dictionary and reports only one beginning.
    """
    generator = np.random.default_rng([seed, 1])
    paused = generator.random(len(texts)) < PAUSED
    utterances = [spoken.drawn(generator, voices[generator.integers(len(voices))], text.replace(" ", pause) if slow else text)
                  for text, slow in zip(texts, paused, strict=True)]
    pieces = spoken.speak(synthesiser, utterances, seed)
    return [piece._replace(text=text) for piece, text in zip(pieces, texts, strict=True) if len(piece.starts) == len(text.split())]


def recorded_strings(found: Sequence[Recording]) -> dict[str, list[Piece]]:
    """Put recordings together to strings, each of one speaker; every split has takes of its own, of all speakers."""
    takes = {"train": range(2 * recordings.TEST_TAKES, recordings.TAKES),
             "validation": range(recordings.TEST_TAKES, 2 * recordings.TEST_TAKES), "test": range(recordings.TEST_TAKES)}
    made = {}
    for place, (split, allowed) in enumerate(takes.items()):
        generator = np.random.default_rng([place, 2])
        at = {(one.speaker, NAMES[one.digit], one.take): one.samples for one in found if one.take in allowed}
        made[split] = [_join(text, recordings.SPEAKERS[generator.integers(len(recordings.SPEAKERS))], at, allowed, generator)
                       for text in strings(NAMES, COUNTS[split], place)]
    return made


def _join(text: str, speaker: str, at: Mapping[tuple[str, str, int], np.ndarray], takes: range, generator: np.random.Generator) -> Piece:
    """Put one string together, with quiet noise between the words in half of all cases."""
    longest = LONGEST_PAUSE if generator.random() < PAUSED else 0.0
    parts, starts, ends, length = [], [], [], 0
    for word in text.split():
        samples = at[speaker, word, int(generator.choice(takes))]
        pause = (generator.standard_normal(int(generator.uniform(0, longest) * recordings.RATE)) * 1e-3).astype(np.float32)
        starts.append(length / recordings.RATE)
        ends.append((length + len(samples)) / recordings.RATE)
        parts += [samples, pause]
        length += len(samples) + len(pause)
    return Piece(np.concatenate(parts), text, speaker, np.array(starts), np.array(ends))


