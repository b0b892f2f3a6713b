"""Sound to features: WAV files, resampling, and mel-frequency cepstral coefficients (MFCC; Davis & Mermelstein 1980)."""

from __future__ import annotations

import functools
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torchaudio

from unrolled.data.archives import DataError

RATE = 16_000  # samples a second of all sound but recordings of half of it
HOP, WINDOW = 0.01, 0.025  # seconds between frames, and of a frame
COEFFICIENTS, BANDS, LOWEST = 13, 24, 60.0  # of the spectrum; Hz
FULL_SCALE = 32_768
QUIETEST = -40.0  # dB below the loudest frame, under which sound at the ends counts as silence
MOST_CLIPPED = 0.1  # share of samples at full scale
BLOCK_SECONDS = 60  # read and transformed at once, so that a long file needs no more memory than a short one
MARGIN = 10  # frames on each side of a block that its neighbours see too, so that the seams cannot be heard


def read_wav(path: Path | str, longest: float = float("inf")) -> tuple[np.ndarray, int]:
    """Return the sound of a WAV file, both channels of a stereo one averaged: float32 samples within -1 and 1, and samples a second.

    Args:
        path: of the file.
        longest: seconds; no more is read of a longer file.

    Raises:
        DataError: it is no WAV file of whole numbers, or is empty, too long, cut short, silent, or has more than a tenth of its samples
            at full scale.
    """
    blocks, rate, seconds = [], 0, 0.0
    for block, rate in wav_blocks(path):
        blocks.append(block)
        seconds += len(block) / rate
        if seconds > longest:
            raise DataError(f"{path} holds more than {longest:g} seconds of sound; cut out what is meant.")
    samples = np.concatenate(blocks)
    check_sound(samples, str(path))
    return samples, rate


def wav_blocks(path: Path | str, seconds: float = BLOCK_SECONDS) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the sound of a WAV file in blocks of so many seconds, with the samples a second.

    Raises:
        DataError: it is missing, no WAV file of whole numbers, empty or cut short.
    """
    try:
        with wave.open(str(path), "rb") as opened:
            width, channels, rate, expected = opened.getsampwidth(), opened.getnchannels(), opened.getframerate(), opened.getnframes()
            read = 0
            while read < expected:
                content = opened.readframes(min(max(1, int(seconds * rate)), expected - read))
                frames = len(content) // (width * channels)
                if not frames:
                    break
                read += frames
                yield _as_floats(content[: frames * width * channels], width).reshape(-1, channels).mean(1), rate
    except FileNotFoundError:
        raise DataError(f"{path} is missing; name a WAV file that is there.") from None
    except (wave.Error, EOFError, ValueError) as error:
        raise DataError(f"{path} is not a WAV file of whole numbers ({error or 'it ends too early'}); convert it to 16-bit PCM.") from None
    if not expected:
        raise DataError(f"{path} is empty: it holds no sound; record it again.")
    if read < expected:
        raise DataError(f"{path} is cut short: it holds {read} of {expected} samples; copy it again.")


def _as_floats(content: bytes, width: int) -> np.ndarray:
    """Return samples of one to four bytes, little end first, as numbers within -1 and 1; those of one byte have no sign."""
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        triples = np.frombuffer(content, np.uint8).reshape(-1, 3)
        whole = np.concatenate([np.zeros((len(triples), 1), np.uint8), triples], 1)
        return whole.reshape(-1).view("<i4").astype(np.float32) / 2**31
    return np.frombuffer(content, f"<i{width}").astype(np.float32) / 2 ** (8 * width - 1)


def write_wav(samples: np.ndarray, rate: int) -> bytes:
    """Return int16 samples as the content of a WAV file."""
    import io  # here: only the report and its tests write sound

    stream = io.BytesIO()
    with wave.open(stream, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(rate)
        opened.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()


def check_sound(samples: np.ndarray, name: str) -> None:
    """Refuse what cannot be searched or recognised.

    Raises:
        DataError: it is silent, or has more than a tenth of its samples at full scale.
    """
    loudest = np.abs(samples).max(initial=0.0)
    if loudest < 1e-4:
        raise DataError(f"{name} is silent; record it again.")
    clipped = float((np.abs(samples) >= 0.999).mean())
    if clipped > MOST_CLIPPED:
        raise DataError(f"{name} is clipped: {clipped:.0%} of its samples are at full scale; record it again, less loud.")


def resample(samples: np.ndarray, rate: int, wanted: int = RATE) -> np.ndarray:
    """Return float32 samples at another rate."""
    if rate == wanted:
        return samples.astype(np.float32)
    return _resampling(rate, wanted)(torch.from_numpy(samples.astype(np.float32))).numpy()


@functools.cache
def _resampling(rate: int, wanted: int) -> torchaudio.transforms.Resample:
    """Return the filter, whose making takes longer than a word's resampling."""
    return torchaudio.transforms.Resample(rate, wanted)


def trim(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the samples without the silence at both ends, but for a hundredth of a second."""
    hop = rate // 100
    count = len(samples) // hop
    if count < 8:
        return samples
    power = (samples[: count * hop].reshape(count, hop) ** 2).mean(1)
    loud = np.flatnonzero(power > power.max() * 10 ** (QUIETEST / 10))
    return samples[max(0, loud[0] - 1) * hop : (loud[-1] + 2) * hop]


def noisy(samples: np.ndarray, decibels: float, generator: np.random.Generator) -> np.ndarray:
    """Return the samples with white noise so many decibels below them."""
    noise = generator.standard_normal(len(samples)).astype(np.float32)
    return samples + samples.std() * np.float32(10 ** (-decibels / 20)) * noise


@functools.cache
def _transform(rate: int) -> torchaudio.transforms.MFCC:
    size = 512 if rate > 10_000 else 256
    return torchaudio.transforms.MFCC(rate, COEFFICIENTS, log_mels=True, melkwargs={
        "n_fft": size, "win_length": int(WINDOW * rate), "hop_length": int(HOP * rate), "n_mels": BANDS, "f_min": LOWEST,
        "f_max": rate / 2})


def mfcc(samples: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Return the coefficients of each frame: float32 (frames, 13), a frame every 10 ms.

    Raises:
        DataError: there is less than one frame of sound.
    """
    if len(samples) < WINDOW * rate:
        raise DataError(f"the sound has {len(samples)} samples, less than a frame of {int(WINDOW * rate)}; record at least a word.")
    hop, block = int(HOP * rate), int(BLOCK_SECONDS * rate)
    if len(samples) <= block + 2 * MARGIN * hop:
        return _transform(rate)(torch.from_numpy(np.ascontiguousarray(samples, np.float32))).T.contiguous().numpy()
    parts = []
    for start in range(0, len(samples), block):
        before, after = min(start, MARGIN * hop), MARGIN * hop if start + block < len(samples) else 0
        piece = np.ascontiguousarray(samples[start - before : start + block + after], np.float32)
        if len(piece) < _transform(rate).MelSpectrogram.spectrogram.n_fft:
            break  # less than a frame is left
        found = _transform(rate)(torch.from_numpy(piece)).T.numpy()
        parts.append(found[before // hop : before // hop + block // hop if after else None])
    return np.concatenate(parts)


def deltas(features: np.ndarray) -> np.ndarray:
    """Return features (frames, size) with their slopes over five frames beside them: (frames, 2 * size)."""
    slopes = torchaudio.functional.compute_deltas(torch.from_numpy(np.ascontiguousarray(features.T)), win_length=5)
    return np.concatenate([features, slopes.T.numpy()], 1)


def normalise(features: Sequence[np.ndarray], voices: Sequence[str], by: str = "utterance") -> list[np.ndarray]:
    """Return features with mean 0 and variance 1, of each utterance by itself, or of all utterances of a voice together.

    Args:
        features: (frames, size) each.
        voices: who speaks each utterance.
        by: "utterance" or "voice".

    Raises:
        ValueError: another way.
    """
    if by not in ("utterance", "voice"):
        raise ValueError(f"features are normalised by utterance or by voice, not by {by!r}.")
    if by == "utterance":
        return [_standard(part, part) for part in features]
    pooled = {voice: np.concatenate([part for part, other in zip(features, voices, strict=True) if other == voice])
              for voice in dict.fromkeys(voices)}
    return [_standard(part, pooled[voice]) for part, voice in zip(features, voices, strict=True)]


def _standard(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return ((part - whole.mean(0)) / np.maximum(whole.std(0), 1e-3)).astype(np.float32)
