"""Spoken pieces as they are frozen: features of every frame, what is said by whom, and when each word begins and ends."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unrolled import results
from unrolled.data import acoustics
from unrolled.data.archives import DataError
from unrolled.data.espeak import Synthesiser, Utterance

QUIET = -35.0  # dB below the loudest frame of an utterance, under which what follows a word is a pause
SLACK = 5  # frames by which the reported beginning of a word may be late
LEAST_NOISE, MOST_NOISE = 15.0, 35.0  # dB of the noise below the speech


class Spoken(NamedTuple):
    """Spoken pieces, in a fixed order.

    Attributes:
        features: float32 (frames, 13) each, a frame every 10 ms, as they are.
        texts: what is said, words with a space between them.
        voices: who says it.
        starts: int32 (words,) each, the frame at which each word begins.
        ends: int32 (words,) each, the frame after its last.
    """

    features: list[np.ndarray]
    texts: list[str]
    voices: list[str]
    starts: list[np.ndarray]
    ends: list[np.ndarray]


class Piece(NamedTuple):
    """One piece of sound before it is frozen.

    Attributes:
        samples: float32 within -1 and 1.
        text, voice: what is said by whom.
        starts, ends: seconds at which each word begins and ends.
        phonemes: of the text, where known.
    """

    samples: np.ndarray
    text: str
    voice: str
    starts: np.ndarray
    ends: np.ndarray
    phonemes: str = ""


def speak(synthesiser: Synthesiser, utterances: Sequence[Utterance], seed: int, words_only: bool = False) -> list[Piece]:
    """Speak all utterances in order, at 16 kHz, with noise.

    Args:
        synthesiser: of a fresh process.
        utterances: what is said. seed: of the noise.
        words_only: each is one word; silence around it is cut off.
    """
    generator, pieces = np.random.default_rng(seed), []
    for utterance in utterances:
        speech = synthesiser.speak(utterance)
        samples = acoustics.resample(speech.samples / np.float32(acoustics.FULL_SCALE), synthesiser.sampling_rate)
        samples = acoustics.trim(samples, acoustics.RATE) if words_only else samples
        starts = np.zeros(1) if words_only else speech.starts
        ends = word_ends(samples, starts)  # before there is noise to hide a pause
        samples = acoustics.noisy(samples, generator.uniform(LEAST_NOISE, MOST_NOISE), generator)
        pieces.append(Piece(samples, utterance.text, utterance.voice, starts, ends, speech.phonemes))
    return pieces


def drawn(generator: np.random.Generator, voice: str, text: str, slowest: int = 130, fastest: int = 210) -> Utterance:
    """Return an utterance at a rate, pitch and range drawn at random."""
    return Utterance(voice, text, int(generator.integers(slowest, fastest)), int(generator.integers(25, 75)),
                     int(generator.integers(30, 70)))


def freeze(folder: Path, split: str, pieces: Sequence[Piece], rate: int = acoustics.RATE, keep_sound: bool = False) -> None:
    """Write the features, texts, voices and times of a split, and its sound where that is to be kept.

    Raises:
        DataError: a piece has another number of words than of their beginnings.
    """
    features = [acoustics.mfcc(piece.samples, rate) for piece in pieces]
    starts, ends = zip(*(word_frames(piece, len(part)) for piece, part in zip(pieces, features, strict=True)), strict=True)
    results.write_arrays(folder / f"{split}.safetensors", {
        "frames": np.concatenate(features), "lengths": np.array([len(part) for part in features], np.int32),
        "starts": np.concatenate(starts), "ends": np.concatenate(ends)})
    results.write_json(folder / f"{split}.json", {"texts": [piece.text for piece in pieces], "voices": [piece.voice for piece in pieces]})
    if keep_sound:
        kept = [np.clip(piece.samples * acoustics.FULL_SCALE, -acoustics.FULL_SCALE, acoustics.FULL_SCALE - 1).astype(np.int16)
                 for piece in pieces]
        results.write_arrays(folder / f"{split}.sound.safetensors", {
            "samples": np.concatenate(kept), "lengths": np.array([len(part) for part in kept], np.int32)}, {"rate": str(rate)})


def word_ends(samples: np.ndarray, starts: np.ndarray, rate: int = acoustics.RATE) -> np.ndarray:
    """Return the seconds at which words end that begin at `starts`: before a pause, if one follows.

    Args:
        samples: of clean speech. starts: seconds. rate: samples a second.
    """
    hop = int(acoustics.HOP * rate)
    frames = -(-len(samples) // hop)
    power = (np.pad(samples, (0, frames * hop - len(samples))).reshape(frames, hop) ** 2).mean(1)
    loud, ends = power > power.max() * 10 ** (QUIET / 10), []
    for start, following in itertools.pairwise([*(starts / acoustics.HOP).astype(int), frames]):
        inside = np.flatnonzero(loud[start : max(start + 1, following - SLACK)])
        is_followed_at_once = not len(inside) or start + inside[-1] + 1 >= following - SLACK
        ends.append(following if is_followed_at_once else start + inside[-1] + 1)
    return np.array(ends) * acoustics.HOP


def word_frames(piece: Piece, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first frame of each word of a piece, and the one after its last.

    Raises:
        DataError: the piece has another number of words than of their beginnings.
    """
    words = piece.text.split()
    if len(words) != len(piece.starts):
        raise DataError(f"{len(piece.starts)} beginnings were reported of the {len(words)} words of {piece.text!r}; leave that text out.")
    starts = np.minimum(np.round(piece.starts / acoustics.HOP).astype(np.int32), frames - 1)
    return starts, np.clip(np.round(piece.ends / acoustics.HOP).astype(np.int32), starts + 1, frames)


def load(folder: Path, split: str) -> Spoken:
    """Return a frozen split.

    Raises:
        ResultsError: a file is missing or damaged.
        DataError: its parts do not fit together.
    """
    arrays, said = results.read_arrays(folder / f"{split}.safetensors"), results.read_json(folder / f"{split}.json")
    texts, lengths = said["texts"], arrays["lengths"]
    words = [len(text.split()) for text in texts]
    if len(texts) != len(lengths) or sum(words) != len(arrays["starts"]) or lengths.sum() != len(arrays["frames"]):
        raise DataError(f"{folder / split}.json and .safetensors do not belong together; delete {folder} and run `make reproduce`.")
    cut = np.cumsum(lengths)[:-1]
    by_word = np.cumsum(words)[:-1]
    return Spoken(np.split(arrays["frames"], cut), texts, said["voices"], np.split(arrays["starts"], by_word),
                  np.split(arrays["ends"], by_word))


def audio(folder: Path, split: str) -> tuple[int, list[np.ndarray]]:
    """Return the samples a second and the int16 samples of each piece of a split whose sound was kept.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    path = folder / f"{split}.sound.safetensors"
    arrays = results.read_arrays(path)
    return int(results.read_metadata(path)["rate"]), np.split(arrays["samples"], np.cumsum(arrays["lengths"])[:-1])


def voices(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return, for single words, by split the voices that ask ("query") and those that are asked about ("archive")."""
    return results.read_json(folder / "voices.json")


def phonemes(folder: Path) -> dict[str, list[str]]:
    """Return, for single words, the phonemes of each, without marks of stress and length."""
    return results.read_json(folder / "phonemes.json")
