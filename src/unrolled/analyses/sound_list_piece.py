"""The sounds of the map of spoken words as a list of buttons, for keyboards and for comparing rhymes in a row (F11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unrolled.analyses.base import Piece
from unrolled.data.spoken import Spoken


def piece(chosen: Spoken, addresses: Sequence[str], phonemes: Mapping[str, Sequence[str]], families: Mapping[str, str],
          is_recorded: bool = False) -> Piece:
    """List spoken words by rhyme, the voices to be chosen from.

    Args:
        chosen: the words with their voices. addresses: of the sound of each. phonemes: of each word. families: the rhyme of each word.
        is_recorded: people said them; else they are synthetic.
    """
    groups: dict[str, dict[str, Any]] = {}
    voices = [voice.split("+")[-1] for voice in chosen.voices]
    for word, voice, address in zip(chosen.texts, voices, addresses, strict=True):
        words = groups.setdefault(families[word], {})
        words.setdefault(word, {"word": word, "phonemes": "".join(phonemes.get(word, [])), "sounds": {}})["sounds"][voice] = address
    order = [family for family in dict.fromkeys(families.values()) if family in groups]
    data = {"voices": list(dict.fromkeys(voices)), "families": [{"name": name, "words": list(groups[name].values())} for name in order]}
    speech, speech_zh = ("Recordings", "真人录音") if is_recorded else ("Synthetic speech", "合成语音")
    return Piece("sound_list", data, ["F11"], "The words of the map, to be heard one by one.", "地图上的单词，逐个试听。",
                 f"Choose a voice, then press a word. Words in a row rhyme. {speech} at 8 kHz.",
                 f"选一个嗓音，再按单词播放。同一行的词押韵。{speech_zh}，8 kHz。")
