"""Questions to networks that the pipeline has trained: labels for a sentence, a translation for words, places in a spoken archive."""

from __future__ import annotations

import contextlib
import string
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from unrolled import results, searching
from unrolled.analyses import trained
from unrolled.analyses.translation import translate as answers_of
from unrolled.batches import Batch
from unrolled.data import acoustics, espeak, spoken, synthesis, wav
from unrolled.query_encoder import query_encoder
from unrolled.results import UserError
from unrolled.settings import Settings
from unrolled.tasks.vocabulary import UNKNOWN

TAGGER, TRANSLATOR = "slots/elman_hidden_cities", "translation/encoder_decoder"
SEARCHER, ARCHIVE = "audio_words/correspondence", Path("data/spoken_archive")
MOST_WORDS = 1000
LONGEST_PHRASE = searching.MOST_WORDS
CANDIDATES = 40
LONGEST_QUERY = 3.0  # seconds
QUERY_NOISE = 25.0  # dB of noise below what is spoken here, the middle of what the archive has
FRAMES_PER_SECOND = 100
PUNCTUATION = string.punctuation + "“”‘’…—，。！？、；："  # which the archive's sentences do not have


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


class Place(NamedTuple):
    """Where a phrase may have been said.

    Attributes:
        text, voice: of the sentence. seconds: at which its best stretch begins.
        cosine: of its nearest segment's vector and the query's. distance: per frame, of the best alignment.
    """

    text: str
    voice: str
    seconds: float
    cosine: float
    distance: float


def find(settings: Settings, run: str, query: np.ndarray) -> list[Place]:
    """Return where in the archive a query sounds like what was said, the likeliest place first, by vectors and then by alignment.

    Args:
        settings: all settings.
        run: of the audio autoencoder; its first member is asked.
        query: int16 samples of a spoken phrase at 16 kHz.

    Raises:
        UserError: the archive or the run is not there, or the query is too long or too short.
    """
    found = trained.load(run, settings, "RUN", "audio_words", pairs="none", limit=1)  # nothing is asked of the words to learn from
    if not ARCHIVE.exists():
        raise UserError(f"{ARCHIVE} is missing; run `make reproduce` to make it.")
    if len(query) > LONGEST_QUERY * acoustics.RATE:
        raise UserError(f"the query lasts {len(query) / acoustics.RATE:.0f} s, longer than the {LONGEST_QUERY:g} s of a phrase; cut it.")
    archive = kept_index(found, run)
    frames, = found.task.prepare([acoustics.mfcc(query, spoken.highest_frequency(ARCHIVE))], ["query"])
    distances, _ = archive.by_vectors(query_encoder(found.model)(frames)[None])
    chosen = distances[0].argsort(kind="stable")[:CANDIDATES]
    aligned = archive.align(frames, chosen)
    return [Place(archive.spoken.texts[chosen[row]], archive.spoken.voices[chosen[row]],
                  float(aligned.starts[row] * found.task.every / FRAMES_PER_SECOND), float(1 - distances[0, chosen[row]]),
                  float(aligned.distances[row])) for row in aligned.distances.argsort(kind="stable")]


def kept_index(found: trained.Loaded, run: str) -> searching.Archive:
    """Return the archive as the first member of a run reads it. To encode its segments takes most of the time of a question, so that
    their vectors are kept in .runs/ for the next one.
    """
    sentences, prepare = spoken.load(ARCHIVE, "sentences"), found.task.prepare
    path, seen = results.RUNS / "index" / f"{run.replace('/', '__')}.safetensors", _seen(found, run)
    kept = _kept(path)
    if not np.array_equal(kept.get("seen"), seen):
        cut = searching.cut(sentences, prepare)
        kept = {"seen": seen, "vectors": searching.encode(found.model, cut.frames)[0], "sentences": cut.sentences, "starts": cut.starts,
                "ends": cut.ends}
        with contextlib.suppress(OSError):  # where nothing can be written, the next question takes as long
            results.write_arrays(path, kept)
    segments = searching.Segments([], kept["sentences"], kept["starts"], kept["ends"])  # their frames are asked for no more
    return searching.archive_of(sentences, prepare(sentences.features, sentences.voices), segments, kept["vectors"])


def _seen(found: trained.Loaded, run: str) -> np.ndarray:
    """Return a hash, as numbers, of what an index is made from: weights, archive, and how it is cut and read."""
    parts = (results.file_hash(results.weights_file(*run.split("/"))), results.folder_hash(ARCHIVE), results.file_hash(searching.__file__),
             found.task.every, found.task.normalised_by)
    return np.frombuffer(bytes.fromhex(results.bytes_hash(repr(parts).encode())), np.uint8)


def _kept(path: Path) -> dict[str, np.ndarray]:
    """Return what is kept of an index, nothing where there is none or it is damaged."""
    try:
        return results.read_arrays(path)
    except results.ResultsError:
        return {}


def recorded_phrase(path: Path) -> np.ndarray:
    """Return the phrase in a WAV file without the silence around it, as all that is searched was cut: int16 samples at 16 kHz.

    Raises:
        UserError: it is no sound, is silent, or is longer than a phrase.
    """
    samples = wav.read(path, longest=LONGEST_QUERY)
    return samples[slice(*acoustics.speech_span(samples))]


def spoken_phrase(phrase: str) -> np.ndarray:
    """Return a phrase as a voice that is not in the archive says it: int16 samples at 16 kHz.

    Raises:
        UserError: it is empty, too long, or nothing can be heard.
    """
    words = checked_words(phrase, "PHRASE")
    if len(words) > LONGEST_PHRASE:
        raise UserError(f"PHRASE has {len(words)} words, but segments of the archive have at most {LONGEST_PHRASE}; search for fewer.")
    utterance = espeak.Utterance(" ".join(words), f"en-us+{synthesis.QUERY_VOICES[-1]}")
    return synthesis.to_piece(utterance, espeak.say(utterance), QUERY_NOISE, np.random.default_rng(0)).samples


def never_said(words: list[str]) -> list[str]:
    """Return which words no sentence of the archive holds."""
    said = {word for text in spoken.load(ARCHIVE, "sentences").texts for word in text.split()}
    return [word for word in words if word.lower().strip(PUNCTUATION) not in said]


def _unknown(words: list[str], numbers: list[int]) -> list[str]:
    return [word for word, number in zip(words, numbers, strict=True) if number == UNKNOWN]
