"""Further lists of spoken words that training never heard, by the voices of the test: what is told by these words is told more surely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unrolled import results
from unrolled.data import english_words, synthesis
from unrolled.data.spoken_words import LANGUAGE, ONCE, ONCE_ZH, speak
from unrolled.data.synthesis import ARCHIVE_VOICES, QUERY_VOICES, Synthesised, names


class SpokenFurtherWords(Synthesised):
    """Words of each further list, each spoken once by each voice that the test is spoken by: a split is a list, a search of its own."""

    name = "spoken_further_words"
    card = {
        **synthesis.CARD, "title": "Spoken words, further lists to test with (synthetic speech)",
        "title_zh": "孤立词语音：更多测试词表（合成语音）",
        "flaws": [*synthesis.FLAWS, ONCE, "words of one family rhyme, so that they are no independent sample of English"],
        "flaws_zh": [*synthesis.FLAWS_ZH, ONCE_ZH, "同一组的词互相押韵，并不是英语词汇的独立抽样"],
    }

    def synthesise(self, folder: Path) -> dict[str, Any]:
        """Write a split for each list, with its query and archive voices, and the phonemes of all words."""
        roles = {"query": names(LANGUAGE, self.part(QUERY_VOICES)), "archive": names(LANGUAGE, self.part(ARCHIVE_VOICES))}
        voices = [voice for group in roles.values() for voice in group]
        results.write_json(folder / "voices.json", dict.fromkeys(english_words.FURTHER, roles))
        return speak(folder, {split: (words, voices) for split, words in english_words.FURTHER.items()}, np.random.default_rng(5))
