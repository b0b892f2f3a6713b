"""Everything spoken: words, strings of digits and of Chinese syllables, and an archive of sentences with queries to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unrolled.data import acoustics, recordings, spoken_archive, spoken_strings, spoken_words
from unrolled.data.base import DataSet
from unrolled.data.espeak import synthesise


class Speech(DataSet):
    """Four parts, each in a folder of its own: words, digits, mandarin and archive; in all of them other voices are tested than taught."""

    name = "speech"
    card = {
        "title": "Spoken words, strings and sentences", "title_zh": "语音单词、音节串与句子",
        "origin": "packaged: SYNTHETIC speech, made here by espeak-ng 1.52 (package espeakng-loader) from lists of everyday words, minimal "
                  "pairs, digits and Chinese syllables, with white noise 15 to 35 dB below; official: words and strings of digits are real "
                  "recordings of the Free Spoken Digit Dataset v1.0.10, Chinese syllables and the archive stay synthetic",
        "origin_zh": "默认全部为合成语音：用 espeak-ng 1.52（软件包 espeakng-loader）在本机合成日常词、最小对立词、数字与汉语音节，"
                     "叠加 15 至 35 dB 信噪比的白噪声；官方来源的单词与数字串为 Free Spoken Digit Dataset v1.0.10 的真人录音，"
                     "汉语音节与句库仍为合成语音",
        "licence": "packaged: the synthesiser is under GPL-3, the sound is ours (CC0); official: CC BY-SA 4.0",
        "licence_zh": "默认数据：合成器遵循 GPL-3，所得声音归本项目（CC0）；官方来源：CC BY-SA 4.0",
        "flaws": [
            "synthetic voices differ less than people do, and never slur or hesitate: no figure on them says how well people are "
            "understood",
            "all English voices are variants of one rule set, so that a word has the same phonemes from every voice",
            "where a word ends before a pause is found by loudness, not by hand; word times of the archive are the synthesiser's own",
            "sentences of the archive make no sense, so that nothing but the sound can help",
            "strings are left out in which the synthesiser takes two Chinese syllables for one word of its dictionary",
            "official words: ten only, all learned from other speakers; strings are put together from single recordings of one "
            "speaker, and all six speakers are in training and test",
        ],
        "flaws_zh": [
            "合成嗓音之间的差别小于真人，且从不含混、从不犹豫：这些数字不能说明对真人语音的效果",
            "所有英语嗓音都是同一套发音规则的变体，同一个词的音素完全一致",
            "停顿前的词尾由响度判定，并非人工标注；句库中词的时间由合成器给出",
            "句库的句子没有意义，因此只有声音能提供线索",
            "合成器把相邻两个汉字当作词典中一个词的串已被剔除",
            "官方单词只有十个，且都在其他说话人处学过；数字串由同一说话人的单个录音拼接而成，六位说话人同时出现在训练与测试中",
        ],
    }

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write all parts; return the number of pieces of each split of each part."""
        found = recordings.recordings() if source == "official" else []
        counts = {"words": spoken_words.freeze(source, folder / "words", found)}
        if source == "official":
            counts["digits"] = spoken_strings.freeze(folder / "digits", spoken_strings.recorded_strings(found), recordings.RATE)
        else:
            counts["digits"] = spoken_strings.freeze(folder / "digits", synthesise(spoken_strings.speak_digits), acoustics.RATE)
        counts["mandarin"] = spoken_strings.freeze(folder / "mandarin", synthesise(spoken_strings.speak_mandarin), acoustics.RATE)
        counts["archive"] = spoken_archive.freeze(folder / "archive")
        return {"splits": {f"{part}/{split}": count for part, splits in counts.items() for split, count in splits.items()}}
