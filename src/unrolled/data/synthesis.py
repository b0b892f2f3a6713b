"""From utterances to spoken pieces: synthetic speech at 16 kHz, cut to where there is speech, with noise and word times."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.data import acoustics, espeak, spoken
from unrolled.data.espeak import Utterance
from unrolled.data.spoken import Piece, SpokenSet

# Variants of a voice; no voice of one list is in another.
TRAINING_VOICES = ("m1", "m3", "m4", "m6", "m8", "f1", "f3", "f4", "Alex", "Alicia", "Annie", "Gene", "Henrique", "Jacky", "Lee")
VALIDATION_VOICES = ("Mario", "Nguyen", "adam", "belinda", "gustave", "Michael", "Reed", "benjamin", "linda", "max")
QUERY_VOICES = ("m2", "m5", "m7", "f2", "f5", "Andy", "Hugo", "Mike", "Marco", "Diogo")
ARCHIVE_VOICES = ("aunty", "david", "ed", "grandma", "marcelo", "quincy", "robert", "shelby", "travis", "zac")
SECOND_QUERY_VOICES = ("Andrea", "Denis", "Gene2", "Storm", "anika", "antonio", "caleb", "edward", "john", "steph")
SECOND_ARCHIVE_VOICES = ("boris", "iven", "michel", "miguel", "norbert", "pablo", "pedro", "victor")

NOISE = (15.0, 35.0)  # decibels below the speech, drawn for each piece
RATES, PITCHES, PITCH_RANGES = (130, 210), (25, 75), (30, 70)

CARD: dict[str, Any] = {
    "origin": "SYNTHETIC speech made here by espeak-ng 1.52 (the library in the package espeakng-loader 0.2.4); nobody was recorded",
    "origin_zh": "由 espeak-ng 1.52（软件包 espeakng-loader 0.2.4 自带的库）在本地合成的语音，不是真人录音",
    "licence": "the sound is ours, free to use; espeak-ng itself: GPL-3.0-or-later",
    "licence_zh": "合成的声音归本项目，可自由使用；espeak-ng 软件本身：GPL-3.0 或更新版本",
}
FLAWS = [
    "synthetic: a formant synthesiser says a word nearly the same way each time; its voices differ in pitch, formants and speed alone, all "
    "with one accent, so that figures on real speech are lower",
    "white noise 15 to 35 dB below the speech is all the noise there is: no rooms, no microphones, nobody else talking",
]
FLAWS_ZH = [
    "合成语音：共振峰合成器每次读同一个词几乎一样；各个“嗓音”只在音高、共振峰和语速上不同，口音完全一致，因此真人语音上的得分会更低",
    "噪声只有比语音低 15 至 35 dB 的白噪声：没有房间混响、没有麦克风差异、没有旁人说话",
]


class Synthesised(SpokenSet):
    """A set that espeak-ng speaks, all of it or a part.

    Args:
        share: of the voices, or of the strings and sentences, that are spoken; below 1 only to try the pipeline.

    Raises:
        ValueError: the share is none.
    """

    def __init__(self, *, share: float = 1.0) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share is {share:g}, but must lie above 0 and not above 1.")
        self.share = share

    def part(self, voices: Sequence[str]) -> Sequence[str]:
        """Return the first of some voices, two at least: one may have to find the other."""
        return voices[: max(2, round(self.share * len(voices)))]

    def number(self, count: int) -> int:
        """Return how many of so many strings or sentences are spoken: a multiple of eight, so that every kind of them is there."""
        return count if self.share == 1 else 8 * max(1, round(self.share * count / 8))


def card(official: dict[str, Any]) -> dict[str, Any]:
    """Return the origin and licence of a set that the official source makes from recordings instead."""
    return {key: f"packaged: {CARD[key]}; official: {official[key]}" if not key.endswith("_zh") else
            f"默认数据：{CARD[key]}；官方来源：{official[key]}" for key in official}


def names(language: str, variants: Iterable[str]) -> list[str]:
    """Return the voices of a language in these variants."""
    return [f"{language}+{variant}" for variant in variants]


def vary(text: str, voice: str, generator: np.random.Generator, rates: tuple[int, int] = RATES, gap: int = 0) -> Utterance:
    """Return an utterance with a speed, pitch and liveliness drawn for it."""
    drawn = (int(generator.integers(low, high + 1)) for low, high in (rates, PITCHES, PITCH_RANGES))
    return Utterance(text, voice, *drawn, gap)


def write_splits(folder: Path, utterances: Mapping[str, Sequence[Utterance]], generator: np.random.Generator,
                 **options: Any) -> dict[str, int]:
    """Speak the utterances of all splits in one fresh process and write each split; return how many pieces each has.

    Raises:
        DataError: as `espeak.speak_all`.
    """
    pieces = speak([each for split in utterances.values() for each in split], generator)
    return spoken.write_splits(folder, {split: itertools.islice(pieces, len(each)) for split, each in utterances.items()}, **options)


def speak(utterances: Sequence[Utterance], generator: np.random.Generator) -> Iterator[Piece]:
    """Yield the utterances spoken by a fresh process, with noise.

    Raises:
        DataError: as `write_splits`.
    """
    for utterance, sound in zip(utterances, espeak.speak_all(utterances), strict=True):
        yield to_piece(utterance, sound, float(generator.uniform(*NOISE)), generator)


def to_piece(utterance: Utterance, sound: espeak.Sound, decibels: float, generator: np.random.Generator) -> Piece:
    """Return a sound as a piece: at 16 kHz, without silence at its ends, noise so many decibels below it; word times in what is left."""
    samples = acoustics.resample(acoustics.as_float(sound.samples), sound.rate)
    first, last = acoustics.speech_span(samples)
    frames = (last - first) // acoustics.HOP + 1
    begin = [round((start * acoustics.RATE - first) / acoustics.HOP) for start in sound.starts[1:]]
    starts, ends = acoustics.word_spans(samples[first:last], np.clip([0, *begin], 0, frames - 1).tolist(), utterance.gap > 0)
    noisy = acoustics.add_noise(samples[first:last], decibels, generator)
    return Piece(acoustics.as_int16(noisy), utterance.text, utterance.voice, starts, ends)
