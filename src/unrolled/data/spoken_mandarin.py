"""Strings of spoken Chinese characters, among them words that differ only in how often a syllable is said: 好棒 and 好棒棒."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unrolled.data import spoken, strings, synthesis
from unrolled.data.spoken_digits import SHOWN, VOICES, say
from unrolled.data.strings import String
from unrolled.data.synthesis import Synthesised

LANGUAGE = "cmn"
CHARACTERS = "好棒看慢谢天人大听想走笑水火花红白妈爸吃"  # told apart without their tones, which MFCCs hardly show
REAL = ("好棒", "好棒棒", "看看", "慢慢", "慢慢走", "好好", "好好听", "好好吃", "谢谢", "天天", "天天想", "人人", "听听", "想想", "走走",
        "笑笑", "白白", "红红火火", "妈妈", "爸爸")
COUNTS = {"train": 1500, "validation": 200, "test": 200}


class SpokenMandarin(Synthesised):
    """Strings of two to five characters as the digits' are made, and in the test every word of a list in every voice."""

    name = "spoken_mandarin"
    card = {
        **synthesis.CARD, "title": "Spoken Mandarin with doubled syllables (synthetic speech)",
        "title_zh": "普通话叠词语音（合成语音）",
        "flaws": [*synthesis.FLAWS, "strings are drawn at random, and most mean nothing; only the words of the test are words",
                  "where espeak-ng's dictionary has a word (谢谢), it gives one time for all its syllables; they are taken as equally long",
                  "nearly all test strings of two syllables, most of the words among them, and a third of those of three also occur in "
                  "training, in other voices; each of the 20 voices says the same 20 words"],
        "flaws_zh": [*synthesis.FLAWS_ZH, "字串随机生成，大多没有意义；只有测试集中的词是真词",
                     "espeak-ng 词典里有的词（如“谢谢”）只给出一个整体时间，词内各音节按等长处理",
                     "测试集中几乎所有两字串（多数真词在内）和三分之一的三字串也出现在训练集里"
                     "（由别的嗓音读出）；20 个嗓音读的是同样的 20 个词"],
    }

    def synthesise(self, folder: Path) -> dict[str, Any]:
        """Write train, validation, test and shown."""
        generator = np.random.default_rng(2)
        voices = {split: synthesis.names(LANGUAGE, self.part(variants)) for split, variants in VOICES.items()}
        drawn = {split: strings.draw(CHARACTERS, self.number(count), generator) for split, count in COUNTS.items()}
        utterances = {split: say(drawn[split], voices[split], generator) for split in COUNTS}
        words = [String(" ".join(word), False) for word in REAL]
        utterances["test"] += [each for voice in voices["test"] for each in say(words, [voice], generator)]
        return spoken.counted(synthesis.write_splits(folder, utterances, generator, show=SHOWN))
