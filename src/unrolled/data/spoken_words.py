"""Single words spoken by many voices: everyday ones to train on, rhyming ones and unheard voices to test with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from unrolled import results
from unrolled.data import english_words, espeak, spoken, synthesis
from unrolled.data.spoken import SpokenSet
from unrolled.data.synthesis import ARCHIVE_VOICES, QUERY_VOICES, TRAINING_VOICES, VALIDATION_VOICES, names

LANGUAGE = "en-us"
HELD_OUT = 15  # every fifteenth training word is for validation
SEEN = 10  # every tenth of the others is spoken by the test voices too


class SpokenWords(SpokenSet):
    """Words of a lexicon, each spoken once by each voice of a split."""

    name = "spoken_words"
    card = {
        **synthesis.CARD, "title": "Spoken words (synthetic speech)", "title_zh": "孤立词语音（合成语音）",
        "flaws": [*synthesis.FLAWS, "each voice says each word once: variation within a voice is in speed and pitch between words only"],
        "flaws_zh": [*synthesis.FLAWS_ZH, "每个嗓音每个词只读一次：同一嗓音内部的变化只有词与词之间的语速和音高"],
    }

    def synthesise(self, folder: Path) -> dict[str, Any]:
        """Write the splits train, validation, test and seen, their query and archive voices, and the phonemes of all words."""
        generator = np.random.default_rng(0)
        groups = self.groups()
        utterances = {split: self.utterances(words, voices, generator) for split, (words, voices) in groups.items()}
        counts = synthesis.write_splits(folder, utterances, generator, keep_sound=("test",))
        half = len(VALIDATION_VOICES) // 2
        test = {"query": names(LANGUAGE, QUERY_VOICES), "archive": names(LANGUAGE, ARCHIVE_VOICES)}
        results.write_json(folder / "voices.json", {
            "validation": {"query": names(LANGUAGE, VALIDATION_VOICES[:half]), "archive": names(LANGUAGE, VALIDATION_VOICES[half:])},
            "test": test, "seen": test})
        words = sorted({word for words, _ in groups.values() for word in words})
        results.write_json(folder / "phonemes.json", {word: espeak.phonemes(word, LANGUAGE) for word in words})
        return {**spoken.counted(counts), "words": {split: len(words) for split, (words, _) in groups.items()}}

    def groups(self) -> dict[str, tuple[list[str], list[str]]]:
        """Return the words and the voices of each split."""
        validation = list(english_words.TRAINING[::HELD_OUT])
        train = [word for word in english_words.TRAINING if word not in set(validation)]
        unheard = names(LANGUAGE, (*QUERY_VOICES, *ARCHIVE_VOICES))
        return {"train": (train, names(LANGUAGE, TRAINING_VOICES)), "validation": (validation, names(LANGUAGE, VALIDATION_VOICES)),
                "test": (list(english_words.TEST), unheard), "seen": (train[::SEEN], unheard)}

    @staticmethod
    def utterances(words: Iterable[str], voices: Iterable[str], generator: np.random.Generator) -> list[espeak.Utterance]:
        """Return each word in each voice, voice by voice."""
        return [synthesis.vary(word, voice, generator) for voice in voices for word in words]
