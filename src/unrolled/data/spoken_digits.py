"""Strings of spoken digits: connected speech, with digits said twice in a row; official: put together from recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.data import acoustics, recordings, spoken, strings, synthesis
from unrolled.data.espeak import Utterance
from unrolled.data.recordings import DIGITS, Recording
from unrolled.data.spoken import Piece
from unrolled.data.synthesis import ARCHIVE_VOICES, QUERY_VOICES, TRAINING_VOICES, VALIDATION_VOICES, Synthesised

LANGUAGE = "en-us"
COUNTS = {"train": 3000, "validation": 300, "test": 400}
VOICES = {"train": TRAINING_VOICES, "validation": VALIDATION_VOICES[:5], "test": (*QUERY_VOICES, *ARCHIVE_VOICES)}
SHOWN = 20
GAPS = (8, 25)  # pauses where there are any, in espeak's units of 10 ms at the usual rate
PAUSES = (0.08, 0.3)  # seconds, between recordings
HUSH = 1e-3  # standard deviation of the noise in a pause between recordings


class SpokenDigits(Synthesised):
    """Strings of two to five digits, the voices in turn."""

    name = "spoken_digits"
    card = {
        **synthesis.card(recordings.CARD), "title": "Spoken strings of digits (packaged: synthetic speech)",
        "title_zh": "数字串语音（默认为合成语音）",
        "flaws": [*synthesis.FLAWS, "nearly all test strings of two digits and two thirds of those of three also occur in training, in "
                  "other voices: the digits are few",
                  *recordings.FLAWS, "official: a string is put together from recordings of single digits, without the sounds running into "
                  "each other; all six speakers are heard in training (other recordings of them), as the data set's own rule has it"],
        "flaws_zh": [*synthesis.FLAWS_ZH, "数字只有十个：测试集中几乎所有两位串和三分之二的三位串也出现在训练集里（由别的嗓音读出）",
                     *recordings.FLAWS_ZH,
                     "官方来源：数字串由单个数字的录音拼接而成，没有连读；"
                     "按该数据集自己的划分规则，六位说话人在训练中都出现过（用的是他们的另一些录音）"],
    }

    def synthesise(self, folder: Path) -> dict[str, Any]:
        """Write train, validation, test and shown as espeak-ng says them."""
        generator = np.random.default_rng(1)
        voices = {split: synthesis.names(LANGUAGE, self.part(variants)) for split, variants in VOICES.items()}
        utterances = {split: say(strings.draw(DIGITS, self.number(count), generator), voices[split], generator)
                      for split, count in COUNTS.items()}
        return spoken.counted(synthesis.write_splits(folder, utterances, generator, show=SHOWN))

    def from_recordings(self, folder: Path) -> dict[str, Any]:
        """Write the same splits from recordings: by the data set's rule, those of an index below 5 are for test."""
        generator, found = np.random.default_rng(1), recordings.read()
        parts = recordings.by_rule(found)
        pieces = {split: [join(string, turn(recordings.SPEAKERS, place), parts[split], generator)
                          for place, string in enumerate(strings.draw(DIGITS, count, generator))] for split, count in COUNTS.items()}
        return spoken.counted(spoken.write_splits(folder, pieces, show=SHOWN, highest=recordings.HIGHEST), recordings.HIGHEST)


def say(drawn: Sequence[strings.String], voices: Sequence[str], generator: np.random.Generator) -> list[Utterance]:
    """Return utterances of the strings, an equal share by each voice, sorted by voice."""
    by_voice = [(voice, string) for voice in voices for place, string in enumerate(drawn) if turn(voices, place) == voice]
    return [synthesis.vary(string.text, voice, generator, gap=int(generator.integers(GAPS[0], GAPS[1] + 1)) * string.has_pauses)
            for voice, string in by_voice]


def turn(voices: Sequence[str], place: int) -> str:
    """Return who says the string at a place: four in a row, so that each says as many with doubled words and with pauses as without."""
    return voices[place // 4 % len(voices)]


def join(string: strings.String, speaker: str, found: Sequence[Recording], generator: np.random.Generator) -> Piece:
    """Return recordings of a speaker, drawn for each digit of a string, one after the other or with noise of no loudness between."""
    parts: list[np.ndarray] = []
    spans = []
    for word in string.text.split():
        if parts and string.has_pauses:
            parts.append(generator.normal(0, HUSH, int(generator.uniform(*PAUSES) * acoustics.RATE)).astype(np.float32))
        fitting = [each for each in found if each.speaker == speaker and each.digit == DIGITS.index(word)]
        begin = sum(map(len, parts))
        parts.append(fitting[int(generator.integers(len(fitting)))].samples)
        spans.append((begin, begin + len(parts[-1])))
    frames = np.rint(np.array(spans) / acoustics.HOP).astype(np.int32)
    return Piece(acoustics.as_int16(np.concatenate(parts)), string.text, speaker, frames[:, 0], frames[:, 1])
