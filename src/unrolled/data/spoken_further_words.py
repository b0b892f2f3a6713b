"""Further lists of spoken words that training never heard, by the voices of the test: what is told by these words is told more surely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unrolled import results
from unrolled.data import english_words, espeak, spoken, synthesis
from unrolled.data.spoken import SpokenSet
from unrolled.data.spoken_words import LANGUAGE, SpokenWords
from unrolled.data.synthesis import ARCHIVE_VOICES, QUERY_VOICES, names


class SpokenFurtherWords(SpokenSet):
    """Words of each further list, each spoken once by each voice that the test is spoken by: a split is a list, a search of its own."""

    name = "spoken_further_words"
    card = {
        **synthesis.CARD, "title": "Spoken words, further lists to test with (synthetic speech)",
        "title_zh": "孤立词语音：更多测试词表（合成语音）",
        "flaws": [*synthesis.FLAWS, "each voice says each word once: variation within a voice is in speed and pitch between words only",
                  "words of one family rhyme, so that they are no independent sample of English"],
        "flaws_zh": [*synthesis.FLAWS_ZH, "每个嗓音每个词只读一次：同一嗓音内部的变化只有词与词之间的语速和音高",
                     "同一组的词互相押韵，并不是英语词汇的独立抽样"],
    }

    def synthesise(self, folder: Path) -> dict[str, Any]:
        """Write a split for each list, with its query and archive voices, and the phonemes of all words."""
        generator = np.random.default_rng(5)
        roles = {"query": names(LANGUAGE, QUERY_VOICES), "archive": names(LANGUAGE, ARCHIVE_VOICES)}
        voices = [voice for group in roles.values() for voice in group]
        utterances = {split: SpokenWords.utterances(words, voices, generator) for split, words in english_words.FURTHER.items()}
        counts = synthesis.write_splits(folder, utterances, generator)
        results.write_json(folder / "voices.json", dict.fromkeys(english_words.FURTHER, roles))
        words = sorted(word for words in english_words.FURTHER.values() for word in words)
        results.write_json(folder / "phonemes.json", {word: espeak.phonemes(word, LANGUAGE) for word in words})
        return {**spoken.counted(counts), "words": {split: len(words) for split, words in english_words.FURTHER.items()}}
