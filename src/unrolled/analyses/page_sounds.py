"""Sounds for the report's page: half the sampling rate, so that a page full of speech stays small."""

from __future__ import annotations

import numpy as np
import torch
import torchaudio

from unrolled.data import acoustics, wav

RATE = 8000  # samples a second: what a telephone lets through


def for_page(samples: np.ndarray, rate: int = acoustics.RATE) -> bytes:
    """Return int16 samples as a mono WAV file of 16 bits at 8 kHz."""
    heard = torchaudio.functional.resample(torch.from_numpy(acoustics.as_float(samples)), rate, RATE)
    return wav.write(acoustics.as_int16(heard.numpy()), RATE)


def outline(samples: np.ndarray, bins: int) -> list[int]:
    """Return the loudest sample of each of so many equal parts, in per cent of the loudest of all."""
    parts = np.array_split(np.abs(samples.astype(np.int32)), bins)
    peaks = np.array([part.max(initial=0) for part in parts])
    return np.rint(100 * peaks / max(1, peaks.max())).astype(int).tolist()
