"""Single words spoken by many voices: everyday ones to train on, rhyming ones and unheard voices to test with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unrolled import results
from unrolled.data import acoustics, english_words, espeak, recordings, spoken, synthesis
from unrolled.data.synthesis import ARCHIVE_VOICES, QUERY_VOICES, TRAINING_VOICES, VALIDATION_VOICES, Synthesised, names

LANGUAGE = "en-us"
HELD_OUT = 15  # every fifteenth training word is for validation
SEEN = 10  # every tenth of the others is spoken by the test voices too
ONCE = "each voice says each word once: variation within a voice is in speed and pitch between words only"
ONCE_ZH = "每个嗓音每个词只读一次：同一嗓音内部的变化只有词与词之间的语速和音高"
ASKED = 15  # recordings of each digit by each of these two


class SpokenWords(Synthesised):
    """Words of a lexicon, each spoken once by each voice of a split.

    Args:
        share: as of every synthesised set.
        held_out: who asks and whom the archive holds in the test of the official source, none of whose recordings is trained on.

    Raises:
        ValueError: as every synthesised set, or those are not two of its speakers.
    """

    name = "spoken_words"
    card = {
        **synthesis.card(recordings.CARD), "title": "Spoken words (packaged: synthetic speech)",
        "title_zh": "孤立词语音（默认为合成语音）",
        "flaws": [*synthesis.FLAWS, ONCE, *recordings.FLAWS,
                  "official: every word of the test is also one to train on; test is by two people never trained on, "
                  "seen by the others in recordings never trained on"],
        "flaws_zh": [*synthesis.FLAWS_ZH, ONCE_ZH, *recordings.FLAWS_ZH,
                     "官方来源：测试词全部在训练中出现过；“测试”由两位未参与训练的说话人读出，“训练中见过的词”是其他说话人未用于训练的录音"],
    }

    def __init__(self, *, share: float = 1.0, held_out: tuple[str, ...] = ("theo", "jackson")) -> None:
        super().__init__(share=share)
        if len(held_out) != 2 or len(set(held_out) & set(recordings.SPEAKERS)) != 2:
            raise ValueError(f"held_out is {list(held_out)}, but must be two of {', '.join(recordings.SPEAKERS)}.")
        self.held_out = dict(zip(("query", "archive"), held_out, strict=True))

    def synthesise(self, folder: Path) -> dict[str, Any]:
        """Write the splits train, validation, test and seen, their query and archive voices, and the phonemes of all words."""
        told = speak(folder, self.groups(), np.random.default_rng(0), keep_sound=("test",))
        validation = names(LANGUAGE, self.part(VALIDATION_VOICES))
        half = len(validation) // 2
        test = {"query": names(LANGUAGE, self.part(QUERY_VOICES)), "archive": names(LANGUAGE, self.part(ARCHIVE_VOICES))}
        results.write_json(folder / "voices.json", {
            "validation": {"query": validation[:half], "archive": validation[half:]}, "test": test, "seen": test})
        return told

    def from_recordings(self, folder: Path) -> dict[str, Any]:
        """Write the same splits from recorded digits: two people are kept for the test, and of the others the recordings set apart."""
        found = recordings.read()
        parts = recordings.by_rule([each for each in found if each.speaker not in self.held_out.values()])
        test = [each for each in found if each.speaker in self.held_out.values() and each.index < ASKED]
        groups = {"train": parts["train"], "validation": parts["validation"], "test": test, "seen": parts["test"]}
        pieces = {split: [to_piece(each) for each in group] for split, group in groups.items()}
        counts = spoken.write_splits(folder, pieces, keep_sound=("test",), highest=recordings.HIGHEST)
        others = [speaker for speaker in recordings.SPEAKERS if speaker not in self.held_out.values()]
        known = {"query": others[::2], "archive": others[1::2]}
        test_voices = {role: [speaker] for role, speaker in self.held_out.items()}
        results.write_json(folder / "voices.json", {"validation": known, "test": test_voices, "seen": known})
        results.write_json(folder / "phonemes.json", {word: espeak.phonemes(word, LANGUAGE) for word in recordings.DIGITS})
        return {**spoken.counted(counts, recordings.HIGHEST), "words": {split: len(recordings.DIGITS) for split in groups}}

    def groups(self) -> dict[str, tuple[list[str], list[str]]]:
        """Return the words and the voices of each split."""
        validation = list(english_words.TRAINING[::HELD_OUT])
        train = [word for word in english_words.TRAINING if word not in set(validation)]
        unheard = names(LANGUAGE, (*self.part(QUERY_VOICES), *self.part(ARCHIVE_VOICES)))
        return {"train": (train, names(LANGUAGE, self.part(TRAINING_VOICES))),
                "validation": (validation, names(LANGUAGE, self.part(VALIDATION_VOICES))),
                "test": (list(english_words.TEST), unheard), "seen": (train[::SEEN], unheard)}


def speak(folder: Path, groups: Mapping[str, tuple[Sequence[str], Sequence[str]]], generator: np.random.Generator,
          keep_sound: Collection[str] = ()) -> dict[str, Any]:
    """Write splits, each of the words and the voices given for it, voice by voice, and the phonemes of all words.

    Returns:
        what the set's card is told.
    """
    utterances = {split: [synthesis.vary(word, voice, generator) for voice in voices for word in words]
                  for split, (words, voices) in groups.items()}
    counts = synthesis.write_splits(folder, utterances, generator, keep_sound=keep_sound)
    every = sorted({word for words, _ in groups.values() for word in words})
    results.write_json(folder / "phonemes.json", {word: espeak.phonemes(word, LANGUAGE) for word in every})
    return {**spoken.counted(counts), "words": {split: len(words) for split, (words, _) in groups.items()}}


def to_piece(recording: recordings.Recording) -> spoken.Piece:
    """Return a recording as a piece of one word, which fills it."""
    samples = acoustics.as_int16(recording.samples)
    span = np.array([0, len(samples) // acoustics.HOP + 1], np.int32)
    return spoken.Piece(samples, recordings.DIGITS[recording.digit], recording.speaker, span[:1], span[1:])
