"""What trained recognisers say of every step of the test strings: their answers, where each word is, and what a search finds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torchaudio.functional import forced_align

from unrolled.analyses.trained import Loaded
from unrolled.tasks.decoding import prefix_beam
from unrolled.tasks.speech_recognition import SpeechRecognition
from unrolled.tasks.transcribed import collapse, distance

Answers = list[list[list[int]]]  # of each member, to each string: numbers of words


class Read(NamedTuple):
    """The test strings as a trained run reads them, in the order in which they are evaluated.

    Attributes:
        task: the run's.
        scores: log-probabilities (members, steps, classes) of each string.
        said: numbers of the words of each string.
        places: of each string in the data.
    """

    task: SpeechRecognition
    scores: list[np.ndarray]
    said: list[list[int]]
    places: list[int]


@torch.no_grad()
def read(loaded: Loaded) -> Read:
    """Let all members of a run read the test strings."""
    found = Read(loaded.task, [], [], loaded.task.item_order("test").tolist())
    for batch in loaded.task.evaluation_batches("test"):
        scores = loaded.model(batch).log_softmax(-1).transpose(0, 1)  # (batch, members, steps, classes)
        lengths = batch.lengths[0].tolist()
        found.scores.extend(each[:, :length].numpy() for each, length in zip(scores, lengths, strict=True))
        found.said.extend(row[row >= 0].tolist() for row in batch.extra[0, :, 1:])
    return found


def answers(found: Read) -> Answers:
    """Read each answer off the likeliest class of every step."""
    paths = [scores.argmax(-1).tolist() for scores in found.scores]
    return [[collapse(path, found.task.null) for path in member] for member in zip(*paths, strict=True)]


def search(found: Read, beam: int, least: float, strings: int) -> Answers:
    """Find the likeliest answers to the first strings, over all their alignments."""
    return [[prefix_beam(scores, found.task.null, beam, np.log(least))[0] for scores in member]
            for member in zip(*found.scores[:strings], strict=True)]


def error_rates(found: Read, given: Answers) -> list[float]:
    """Return each member's edit distances over the number of words, of as many strings as there are answers."""
    return [sum(map(distance, member, found.said)) / sum(map(len, found.said[: len(member)])) for member in given]


def null_shares(found: Read) -> list[float]:
    """Return the share of steps at which each member holds the null symbol for likeliest."""
    return np.concatenate([scores.argmax(-1) == found.task.null for scores in found.scores], 1).mean(1).tolist()


def spikes(found: Read) -> list[list[list[int]]]:
    """Return the step of each said word, by each member: of its share in the best alignment, the step where it is likeliest."""
    return [[spikes_of(scores, words, found.task.null) for scores, words in zip(member, found.said, strict=True)]
            for member in zip(*found.scores, strict=True)]


def spikes_of(scores: np.ndarray, words: Sequence[int], null: int) -> list[int]:
    """Return the step of each word of one string, from the log-probabilities (steps, classes) of one member."""
    aligned, _ = forced_align(torch.from_numpy(scores)[None], torch.tensor([words], dtype=torch.int32), blank=null)
    stretches = [list(stretch) for _, stretch in itertools.groupby(range(len(scores)), key=aligned[0].tolist().__getitem__)]
    return [max(stretch, key=lambda step: scores[step, aligned[0, step]]) for stretch in stretches if aligned[0, stretch[0]] != null]


def even_spikes(found: Read) -> list[list[list[int]]]:
    """Return steps at equal distances over each string, as a control that hears nothing."""
    return [[[int((place + 0.5) * scores.shape[1] / len(words)) for place in range(len(words))]
             for scores, words in zip(found.scores, found.said, strict=True)]]


def inside_words(found: Read, steps: list[list[list[int]]]) -> list[float]:
    """Return the share of words whose step lies between their true beginning and end, by member."""
    said = found.task.said["test"]
    middle = (found.task.stacked - 1) / 2

    def share(member: list[list[int]]) -> float:
        hits = [begin <= step * found.task.stacked + middle < end for place, row in zip(found.places, member, strict=True)
                for step, begin, end in zip(row, said.starts[place], said.ends[place], strict=True)]
        return float(np.mean(hits))

    return [share(member) for member in steps]
