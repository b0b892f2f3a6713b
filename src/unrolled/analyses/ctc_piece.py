"""Recordings to be listened to while networks read them: CTC's probabilities at every step beside labels that are trimmed (F2, F3)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from unrolled.analyses import page_sounds
from unrolled.analyses.base import Piece, played
from unrolled.analyses.rounding import short
from unrolled.analyses.trained import Loaded
from unrolled.batches import Batch
from unrolled.data import acoustics, espeak, spoken, synthesis
from unrolled.tasks.speech_recognition import SpeechRecognition, has_pauses
from unrolled.tasks.transcribed import collapse, collapse_nulls_first, doubles

LECTURE = ("好 棒 棒", "好 棒")  # spoken afresh, by the first voice of the test
GAP = 15  # between words, in espeak's units of 10 ms at the usual rate
FAINT = 0.05  # probability that a symbol which is not said must reach to be drawn
BINS = 240
LEAST_WORDS = 3
NULL, SILENCE = "φ", "silence"


class Recording(NamedTuple):
    """A string as a network hears it, and as the page plays it.

    Attributes:
        words: what is said. voice: by whom. samples: int16 at 16 kHz. features: (frames, 13).
        starts, ends: frames of the words. afresh: whether it was spoken for the page.
    """

    words: list[str]
    voice: str
    samples: np.ndarray
    features: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    afresh: bool


def recordings(task: SpeechRecognition) -> list[Recording]:
    """Return strings with a doubled word, connected and with pauses: the lecture's if the task has its words, else kept test strings.

    Where a synthesiser speaks, the string with pauses has the words of the first one; where people were recorded, it is another.
    """
    voice = task.said["test"].voices[0]
    lecture = [text for text in LECTURE if set(text.split()) <= set(task.symbols)]
    if "+" not in voice:
        return kept(task, False) + kept(task, True)
    connected = afresh(task, [espeak.Utterance(text, voice) for text in lecture]) if lecture else kept(task, False)
    return connected + afresh(task, [espeak.Utterance(" ".join(first.words), first.voice, gap=GAP) for first in connected[:1]])


def kept(task: SpeechRecognition, paused: bool) -> list[Recording]:
    """Return the first test string with a doubled word whose sound was kept, if there is one; of three words or more, if there is one."""
    found = spoken.load(task.folder, "shown")
    _, sounds = spoken.audio(task.folder, "shown")
    places = [place for place, text in enumerate(found.texts)
              if doubles(text.split()) and has_pauses(found.starts[place], found.ends[place]) == paused]
    places.sort(key=lambda place: len(found.texts[place].split()) < LEAST_WORDS)
    return [Recording(found.texts[place].split(), found.voices[place], sounds[place], found.features[place], found.starts[place],
                      found.ends[place], False) for place in places[:1]]


def afresh(task: SpeechRecognition, utterances: Sequence[espeak.Utterance]) -> list[Recording]:
    """Speak utterances as the task's strings were spoken, with noise."""
    highest = spoken.highest_frequency(task.folder)
    pieces = synthesis.speak(utterances, np.random.default_rng(0))
    return [Recording(piece.text.split(), piece.voice, piece.samples, acoustics.mfcc(piece.samples, highest), piece.starts, piece.ends,
                      True) for piece in pieces]


@torch.no_grad()
def probabilities(loaded: Loaded, recording: Recording) -> np.ndarray:
    """Return what each member of a run holds for likely: (members, steps, classes)."""
    steps, = loaded.task.encode_features([recording.features], [recording.voice])
    inputs = torch.from_numpy(steps)[None, None]
    return loaded.model(Batch(inputs, inputs, torch.tensor([[len(steps)]])))[:, 0].softmax(-1).numpy()


def reading(loaded: Loaded, recording: Recording) -> dict[str, Any]:
    """Return what a run's first member makes of a recording: its labels, the answer, and with CTC the probabilities too."""
    task, found = loaded.task, probabilities(loaded, recording)
    names = [*task.symbols, *([] if task.null is None else [NULL if task.labels == "ctc" else SILENCE])]
    path = found[0].argmax(-1).tolist()
    answers = [[names[symbol] for symbol in collapse(member.argmax(-1).tolist(), task.null)] for member in found]
    told = {"step": task.stacked * acoustics.HOP / acoustics.RATE, "seeds": len(answers),
            "stretches": [[names[symbol], len(list(steps))] for symbol, steps in itertools.groupby(path)],
            "answer": answers[0], "right_seeds": sum(answer == recording.words for answer in answers)}
    if task.labels == "ctc":
        drawn = [place for place, name in enumerate(names) if name in (NULL, *recording.words) or found[0, :, place].max() > FAINT]
        told |= {"nulls_first": [names[symbol] for symbol in collapse_nulls_first(path, task.null)],
                 "lines": {names[place]: short(found[0, :, place].astype(float).round(3).tolist(), 3) for place in drawn}}
    return told


def of_section(section: str, names: tuple[str, str], loaded: Mapping[str, Loaded]) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Return a section's recordings with all readings, and their sounds by name.

    Args:
        section: of params.yaml. names: of its speech, in English and Chinese. loaded: its runs, as `ctc`, `trimming` and `silence`.
    """
    told, sounds = [], {}
    for place, recording in enumerate(recordings(loaded["ctc"].task)):
        sound = f"{section}-{place + 1}"
        sounds[sound] = page_sounds.for_page(recording.samples)
        told.append({"speech": names[0], "speech_zh": names[1], "sound": played("recognition", sound), **_shown(recording),
                     "readings": {name: reading(run, recording) for name, run in loaded.items()}})
    return told, sounds


def _shown(recording: Recording) -> dict[str, Any]:
    """Return what a page shows of a recording alone; times in seconds."""
    frame = acoustics.HOP / acoustics.RATE
    spans = np.stack([recording.starts, recording.ends], 1) * frame
    return {"words": recording.words, "voice": recording.voice, "afresh": recording.afresh,
            "pauses": has_pauses(recording.starts, recording.ends), "seconds": round(len(recording.samples) / acoustics.RATE, 3),
            "outline": page_sounds.outline(recording.samples, BINS), "spans": spans.round(2).tolist()}


def piece(found: Sequence[Mapping[str, Any]]) -> Piece:
    """Return all recordings as a piece."""
    return Piece(
        "ctc_posteriors", {"null": NULL, "silence": SILENCE, "recordings": list(found)}, ["F2", "F3"],
        "Listen while the networks read.", "边听边看网络怎么读。",
        "Choose a recording, play it, or drag the time. Lines: what CTC holds for likely at each step, its null symbol φ dashed. Bars: the "
        "labels of the networks that were taught a label for every step. Merging what stands side by side loses a doubled word unless "
        "something stands between its two halves: CTC learns to put φ there; a class for silence needs a real pause. First seed of each; "
        "the voices were never learned from.",
        "选一段录音，播放或拖动时间轴。曲线：CTC 在每一步给各符号的概率，空白符 φ 用虚线。色条：逐帧标注训练的网络给出的标签。"
        "合并相邻的相同标签会丢掉叠词，除非两个字之间隔着别的东西：CTC 学会在中间放一个 φ；静音类别则要真有停顿才行。"
        "均取第一个种子；嗓音未在训练中出现。")
