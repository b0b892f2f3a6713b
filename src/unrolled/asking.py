"""Questions to networks that the pipeline has trained: labels for a sentence, a translation for words."""

from __future__ import annotations

import torch

from unrolled.analyses import trained
from unrolled.analyses.translation import translate as answers_of
from unrolled.batches import Batch
from unrolled.results import UserError
from unrolled.settings import Settings
from unrolled.tasks.slots import UNKNOWN

TAGGER, TRANSLATOR = "slots/elman_hidden_cities", "translation/encoder_decoder"
MOST_WORDS = 1000


def checked_words(text: str, name: str) -> list[str]:
    """Return the words of a question.

    Raises:
        UserError: it is empty, is not UTF-8, or has more than `MOST_WORDS` words.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"{name} is not UTF-8 text; set the terminal to UTF-8 and ask again.") from None
    words = text.split()
    if not words:
        raise UserError(f"{name} is empty; ask with {name}=\"some words\".")
    if len(words) > MOST_WORDS:
        raise UserError(f"{name} has {len(words)} words, more than the {MOST_WORDS} that are read at once; ask sentence by sentence.")
    return words


def tag(settings: Settings, run: str, words: list[str]) -> tuple[list[str], list[list[str]]]:
    """Return the words that training never showed, and each member's label for every word."""
    found = trained.load(run, settings, "RUN", "slots")
    numbers = found.task.encode_words(words)
    inputs = torch.tensor([[numbers]])  # (1, 1, time)
    with torch.no_grad():
        labels = found.model(Batch(inputs, inputs, torch.tensor([[len(numbers)]]))).argmax(-1)[:, 0].tolist()
    return _unknown(words, numbers), [[found.task.labels[label] for label in member] for member in labels]


def translate(settings: Settings, run: str, words: list[str]) -> tuple[list[str], list[str]]:
    """Return the words that training never showed, and each member's translation."""
    found = trained.load(run, settings, "RUN", "translation")
    source = list(" ".join(words)) if found.task.reads_characters else [word.lower() for word in words]
    return _unknown(source, found.task.encode_words(source)), answers_of(found.model, found.task, source)


def _unknown(words: list[str], numbers: list[int]) -> list[str]:
    return [word for word, number in zip(words, numbers, strict=True) if number == UNKNOWN]
