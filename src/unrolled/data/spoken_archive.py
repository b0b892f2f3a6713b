"""Three archives of spoken sentences to be searched, and spoken phrases to search them for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unrolled import results
from unrolled.data import spoken, synthesis
from unrolled.data.english_words import TOPICS
from unrolled.data.espeak import Utterance
from unrolled.data.synthesis import (
    ARCHIVE_VOICES,
    QUERY_VOICES,
    SECOND_ARCHIVE_VOICES,
    SECOND_QUERY_VOICES,
    VALIDATION_VOICES,
    Synthesised,
    names,
)

LANGUAGE = "en-us"
PHRASES = ("white house", "prime minister", "green garden", "summer holiday", "police officer", "stone bridge", "golden river",
           "winter market")
CONFUSABLE = ("white horse", "light house", "white mouse", "right house", "prime number", "green grass", "greedy gardener",
              "summer morning", "winter holiday", "police station", "post office", "stone circle", "broken bridge", "golden ring",
              "olive river", "winter garden", "fish market")
FURTHER_PHRASES = ("railway station", "football stadium", "wooden table", "chocolate cake", "science teacher", "mountain village",
                   "coffee machine", "birthday party", "yellow bicycle", "hotel kitchen", "royal palace", "evening paper",
                   "leather jacket", "apple orchard", "rescue boat", "brown bear")
FURTHER_CONFUSABLE = ("railway bridge", "petrol station", "football player", "empty stadium", "wooden stable", "kitchen table",
                      "chocolate milk", "birthday cake", "science fiction", "dance teacher", "mountain valley", "fishing village",
                      "coffee morning", "sewing machine", "birthday present", "garden party", "yellow ribbon", "mountain bicycle",
                      "hotel kitten", "modern kitchen", "royal family", "ice palace", "evening meal", "toilet paper", "leather sofa",
                      "yellow jacket", "apple pie", "cherry orchard", "rescue dog", "rowing boat", "brown bread", "polar bear")
VALIDATION_PHRASES = ("black castle", "silver moon", "city library", "paper plane", "family doctor", "ocean island", "orange lamp",
                      "monday evening")
VALIDATION_CONFUSABLE = ("black cattle", "old castle", "silver spoon", "full moon", "city hospital", "school library", "paper plate",
                         "silver plane", "family dinner", "tired doctor", "ocean water", "green island", "orange lamb", "desk lamp",
                         "monday dinner", "sunday evening")
SENTENCES, VALIDATION_SENTENCES = 320, 160
ARCHIVE_SPEAKERS, QUERY_SPEAKERS = 8, 10
RATES = (150, 200)  # words a minute

# {thing} is a phrase, a confusable one, or an adjective and a noun drawn at random; the other gaps are filled from the words to train on.
FRAMES = (
    "she saw the {thing} from a {home} on {time}", "every {animals} knows the {thing} near our {places}",
    "my {body} hurt when the {thing} became {qualities}", "yesterday some {food} and the {thing} were {qualities}",
    "they {doing} about the {thing} before {time}", "no {nature} could {doing} the {thing} again",
    "the {thing} with {numbers} {animals} legs was {qualities}", "please {doing} the {thing} behind that {home}",
)


class SpokenArchive(Synthesised):
    """Sentences by archive voices, an equal number by each, and every phrase by every query voice; the same again by other voices.

    A third such pair is of further phrases: by eight alone nobody knows how much phrases differ. One of other phrases still, and by other
    voices, is for validation.
    """

    name = "spoken_archive"
    card = {
        **synthesis.CARD, "title": "Spoken sentences to be searched (synthetic speech)", "title_zh": "待检索的语音句库（合成语音）",
        "flaws": [*synthesis.FLAWS, "sentences come from a handful of frames and mean little",
                  "word times are espeak-ng's own, corrected by 40 ms; words that it reads as one share their time evenly"],
        "flaws_zh": [*synthesis.FLAWS_ZH, "句子由少数几个句型填词而成，意义不大",
                     "词的时间取自 espeak-ng 本身，已校正其 40 毫秒的提前；被它连成一词读出的几个词平分时间"],
    }

    def synthesise(self, folder: Path) -> dict[str, Any]:
        """Write sentences and queries, both also with _validation, _second and _third behind their names, and who searches whom."""
        (generator, second, third), voices = map(np.random.default_rng, (3, 4, 5)), self.voices()
        count, validation_count = self.number(SENTENCES), self.number(VALIDATION_SENTENCES)
        utterances = {
            "sentences": say(sentences(count, PHRASES, CONFUSABLE, generator), voices["test"]["archive"], generator),
            "queries": each_by_each(PHRASES, voices["test"]["query"], generator),
            "sentences_validation": say(sentences(validation_count, VALIDATION_PHRASES, VALIDATION_CONFUSABLE, generator),
                                        voices["validation"]["archive"], generator),
            "queries_validation": each_by_each(VALIDATION_PHRASES, voices["validation"]["query"], generator),
            "sentences_second": say(sentences(count, PHRASES, CONFUSABLE, second), voices["second"]["archive"], second),
            "queries_second": each_by_each(PHRASES, voices["second"]["query"], second),
            "sentences_third": say(sentences(count, FURTHER_PHRASES, FURTHER_CONFUSABLE, third), voices["third"]["archive"], third),
            "queries_third": each_by_each(FURTHER_PHRASES, voices["third"]["query"], third),
        }
        results.write_json(folder / "voices.json", voices)
        results.write_json(folder / "phrases.json", {"test": PHRASES, "third": FURTHER_PHRASES, "validation": VALIDATION_PHRASES})
        counts = synthesis.write_splits(folder, utterances, generator, keep_sound=("sentences", "queries"))
        return {**spoken.counted(counts), "occurrences": occurrences(PHRASES, utterances["sentences"]),
                "occurrences_second": occurrences(PHRASES, utterances["sentences_second"]),
                "occurrences_third": occurrences(FURTHER_PHRASES, utterances["sentences_third"]),
                "occurrences_validation": occurrences(VALIDATION_PHRASES, utterances["sentences_validation"])}

    def voices(self) -> dict[str, dict[str, list[str]]]:
        """Return by whom queries and sentences of each archive are spoken."""
        validation = names(LANGUAGE, self.part(VALIDATION_VOICES))
        half = len(validation) // 2
        found = {"test": {"query": names(LANGUAGE, self.part(QUERY_VOICES[:QUERY_SPEAKERS])),
                          "archive": names(LANGUAGE, self.part(ARCHIVE_VOICES[:ARCHIVE_SPEAKERS]))},
                 "validation": {"query": validation[:half], "archive": validation[half:]},
                 "second": {"query": names(LANGUAGE, self.part(SECOND_QUERY_VOICES)),
                            "archive": names(LANGUAGE, self.part(SECOND_ARCHIVE_VOICES))}}
        fewer = names(LANGUAGE, self.part(QUERY_VOICES[: QUERY_SPEAKERS // 2]))  # twice the phrases make as many queries
        return {**found, "third": {"query": fewer, "archive": found["second"]["archive"]}}


def sentences(count: int, phrases: Sequence[str], confusable: Sequence[str], generator: np.random.Generator) -> list[str]:
    """Return sentences: of each four one holds a phrase, one a confusable one, each in turn; the order is drawn at random."""
    things = [(phrases, confusable)[place % 2][place // 2 % len((phrases, confusable)[place % 2])] for place in range(count // 2)]
    while len(things) < count:
        thing = f"{_draw(TOPICS['qualities'], generator)} {_draw(TOPICS['home'], generator)}"
        things += [thing] if thing not in (*phrases, *confusable) else []
    return [fill(FRAMES[int(generator.integers(len(FRAMES)))], things[place], generator) for place in generator.permutation(count)]


def fill(frame: str, thing: str, generator: np.random.Generator) -> str:
    """Return a frame with its gaps filled."""
    return frame.format(thing=thing, **{topic: _draw(words, generator) for topic, words in TOPICS.items()})


def say(texts: Sequence[str], voices: Sequence[str], generator: np.random.Generator) -> list[Utterance]:
    """Return utterances of the texts, an equal share by each voice, voice by voice."""
    return [synthesis.vary(text, voice, generator, RATES) for turn, voice in enumerate(voices) for text in texts[turn :: len(voices)]]


def each_by_each(texts: Sequence[str], voices: Sequence[str], generator: np.random.Generator) -> list[Utterance]:
    """Return utterances of every text by every voice."""
    return [synthesis.vary(text, voice, generator, RATES) for voice in voices for text in texts]


def occurrences(phrases: Sequence[str], utterances: Sequence[Utterance]) -> dict[str, int]:
    """Return how many of the utterances hold each phrase, as whole words."""
    return {phrase: sum(f" {phrase} " in f" {utterance.text} " for utterance in utterances) for phrase in phrases}


def _draw(words: Sequence[str], generator: np.random.Generator) -> str:
    return words[int(generator.integers(len(words)))]
