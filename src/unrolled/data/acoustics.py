"""From sound to features: MFCCs and their deltas, silence cut off at both ends, normalisation by utterance or by voice.

Sound is mono at 16 kHz, float32 from -1 to 1 or int16; features come every 10 ms from windows of 25 ms.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
import torchaudio

from unrolled.data.archives import DataError

RATE = 16_000  # samples a second
HOP = 160  # samples from frame to frame
WINDOW, TRANSFORM = 400, 512  # samples
COEFFICIENTS, MELS = 13, 24
LOWEST, HIGHEST = 60.0, 8000.0  # Hz
BLOCK = 6000  # frames that are transformed at once: a minute
MARGIN = 2  # frames on either side of a block that its windows reach into
SILENCE = 1e-4  # energy of a silent frame against the loudest: -40 dB
SLACK = 5  # frames
STEADY = 1e-3  # standard deviation below which a feature is taken for constant


def as_float(samples: np.ndarray) -> np.ndarray:
    """Return samples as float32 from -1 to 1."""
    return samples.astype(np.float32) / 32768 if samples.dtype == np.int16 else samples.astype(np.float32, copy=False)


def as_int16(samples: np.ndarray) -> np.ndarray:
    """Return float samples as int16; what lies outside -1 to 1 is clipped."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


def resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return float samples of any rate at 16 kHz.

    Zeros are added up to a whole fifth of a second meanwhile: torch prepares its convolution for each length anew, at four times the cost.
    """
    if rate == RATE:
        return samples
    padded = np.pad(samples, (0, -len(samples) % (rate // 5)))
    return _resampler(rate)(torch.from_numpy(padded)).numpy()[: math.ceil(len(samples) * RATE / rate)]


@functools.lru_cache(maxsize=8)
def _resampler(rate: int) -> torchaudio.transforms.Resample:
    return torchaudio.transforms.Resample(rate, RATE)


@functools.lru_cache(maxsize=4)
def _transform(highest: float) -> torchaudio.transforms.MFCC:
    spectrum = {"n_fft": TRANSFORM, "win_length": WINDOW, "hop_length": HOP, "n_mels": MELS, "f_min": LOWEST, "f_max": highest}
    return torchaudio.transforms.MFCC(RATE, COEFFICIENTS, log_mels=True, melkwargs=spectrum)


def mfcc(samples: np.ndarray, highest: float = HIGHEST) -> np.ndarray:
    """Return MFCCs (frames, 13) of 24 mel bands from 60 Hz to `highest`.

    Frame t is centred on sample 160 t, so n samples give n // 160 + 1.
    A long recording is transformed a minute at a time, with the same result.

    Raises:
        DataError: there are fewer samples than a window has on one side (16 ms).
    """
    if len(samples) <= TRANSFORM // 2:
        raise DataError(f"{len(samples)} samples are too short for one window of speech; give at least {TRANSFORM // 2 + 1} at 16 kHz.")
    frames = len(samples) // HOP + 1
    blocks = []
    for first in range(0, frames, BLOCK):
        last = frames if frames - first <= BLOCK + MARGIN else first + BLOCK  # the last block has more than its margin
        begin = max(first - MARGIN, 0)
        end = len(samples) if last == frames else (last + MARGIN) * HOP
        block = _transform(highest)(torch.from_numpy(as_float(samples[begin * HOP : end]))).T  # (frames, coefficients)
        blocks.append(block[first - begin : last - begin].numpy())
        if last == frames:
            break
    return np.concatenate(blocks)


def deltas(features: np.ndarray) -> np.ndarray:
    """Return features with their slopes over five frames beside them: (frames, 13) -> (frames, 26)."""
    slopes = torchaudio.functional.compute_deltas(torch.from_numpy(features.T.copy())).T.numpy()
    return np.concatenate([features, slopes], 1)


def normalise(features: Sequence[np.ndarray], voices: Sequence[str], by: Literal["utterance", "voice"] = "utterance") -> list[np.ndarray]:
    """Shift and scale every feature to mean 0 and variance 1, over the frames of each utterance or over all of a voice.

    Raises:
        DataError: `by` is neither.
    """
    if by == "utterance":
        return [_standardise(each, each) for each in features]
    if by != "voice":
        raise DataError(f"features are normalised by {by!r}, which is neither 'utterance' nor 'voice'; choose one of them.")
    found = {voice: np.concatenate([each for each, said_by in zip(features, voices, strict=True) if said_by == voice])
             for voice in dict.fromkeys(voices)}
    moments = {voice: (frames.mean(0), np.maximum(frames.std(0), STEADY)) for voice, frames in found.items()}
    return [(each - moments[voice][0]) / moments[voice][1] for each, voice in zip(features, voices, strict=True)]


def _standardise(features: np.ndarray, frames: np.ndarray) -> np.ndarray:
    return (features - frames.mean(0)) / np.maximum(frames.std(0), STEADY)


def speech_span(samples: np.ndarray) -> tuple[int, int]:
    """Return the first sample of speech and the one after the last: a frame around all that are within 40 dB of the loudest."""
    loud = np.flatnonzero(_energies(samples) > SILENCE * _energies(samples).max(initial=0))
    if not loud.size:
        return 0, len(samples)
    return max(int(loud[0]) - 1, 0) * HOP, min((int(loud[-1]) + 2) * HOP, len(samples))


def word_spans(samples: np.ndarray, starts: Sequence[int], has_pauses: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return int32 frames at which words begin, and those after their last, from about when they begin.

    Words that run on end where the next begins. A pause is the silence (40 dB below the loudest frame) that ends within 50 ms before the
    next word is said to begin; what is heard after it is that word's already.
    """
    energies = _energies(samples)
    silent = energies <= SILENCE * energies.max(initial=0)
    silent = np.append(silent, True)  # the last frame, of which only a part is there
    begins, ends = [0], []
    for start in starts[1:]:
        begin = start
        while has_pauses and begin > start - SLACK and not silent[begin - 1]:
            begin -= 1
        end = begin = begin if silent[begin - 1] and has_pauses else start
        while has_pauses and end > begins[-1] + 1 and silent[end - 1]:
            end -= 1
        begins.append(begin)
        ends.append(end)
    last = np.flatnonzero(~silent[begins[-1] :])
    ends.append(begins[-1] + (int(last[-1]) + 1 if last.size else len(silent) - begins[-1]))
    return np.array(begins, np.int32), np.array(ends, np.int32)


def _energies(samples: np.ndarray) -> np.ndarray:
    """Return the mean square of every whole frame."""
    whole = len(samples) // HOP
    return np.square(as_float(samples[: whole * HOP]).reshape(whole, HOP)).mean(1)


def add_noise(samples: np.ndarray, decibels: float, generator: np.random.Generator) -> np.ndarray:
    """Return float samples with white noise, so many decibels below them, added."""
    return samples + generator.standard_normal(len(samples), np.float32) * np.float32(samples.std() * 10 ** (-decibels / 20))
