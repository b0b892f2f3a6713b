"""Recordings: WAV files of 8 to 32 bits, of one or more channels and any rate, read block by block as mono sound at 16 kHz."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unrolled.data import acoustics
from unrolled.data.acoustics import RATE
from unrolled.data.archives import DataError

SECONDS = 10  # read at once
WIDEST = 4  # bytes of a sample
LOWEST_RATE, HIGHEST_RATE = 4000, 768_000  # Hz; beyond it a header is damaged, and its filter would fill the memory
CONTEXT = 0.02  # seconds on either side of a block that its resampling reaches into, at most
CLIPPED = 0.1  # share of samples at full scale from which on a recording is refused
SILENT = 1e-3  # loudest sample of what counts as silence: 60 dB below full scale


def read(source: Path | bytes, name: str | None = None, longest: float = math.inf) -> np.ndarray:
    """Return a recording as int16 samples at 16 kHz, channels averaged.

    Args:
        source: a file, or the content of one.
        name: what errors call it; by default the file's name.
        longest: seconds that it may last; a longer one is not read.

    Raises:
        DataError: it is no WAV file of whole numbers, is empty, too long, cut short, silent, or clipped.
    """
    name = name or (source.name if isinstance(source, Path) else "the recording")
    try:
        with contextlib.closing(wave.open(str(source) if isinstance(source, Path) else io.BytesIO(source))) as opened:
            tally = _Tally()
            rate = _usual(opened.getframerate(), name)
            if opened.getnframes() > longest * rate:
                raise DataError(f"{name} lasts {opened.getnframes() / rate:.0f} s, longer than {longest:g} s; cut it.")
            samples = [acoustics.as_int16(block) for block in _resampled(_blocks(opened, name, tally, SECONDS * rate), rate)]
    except FileNotFoundError:
        raise DataError(f"{source} is not there; give the path of a WAV file.") from None
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: a chunk longer than the file
        raise DataError(f"{name} is not a WAV file that can be read ({str(error) or 'it ends within its header'}); save it as WAV, "
                        "16-bit PCM, and try again.") from None
    tally.check(name)
    return np.concatenate(samples)


class _Tally:
    """What has been seen of a recording's loudness while its blocks went by."""

    def __init__(self) -> None:
        self.loudest, self.clipped, self.count = 0.0, 0, 0

    def add(self, samples: np.ndarray, top: float) -> None:
        """Count samples at full scale; `top` is the highest value that the file can hold."""
        self.loudest = max(self.loudest, float(np.abs(samples).max()))
        self.clipped += int(((samples >= top) | (samples <= -1)).sum())
        self.count += samples.size

    def check(self, name: str) -> None:
        """Refuse silence and clipping.

        Raises:
            DataError: the recording is one of the two.
        """
        if self.loudest < SILENT:
            raise DataError(f"{name} is silent: nothing in it is within 60 dB of full scale; check the microphone and record again.")
        if self.clipped > CLIPPED * self.count:
            raise DataError(f"{name} is clipped: {self.clipped / self.count:.0%} of its samples are at full scale; lower the level and "
                            "record again.")


def _blocks(opened: wave.Wave_read, name: str, tally: _Tally, block: int) -> Iterator[np.ndarray]:
    """Yield float32 blocks of so many samples, channels averaged, each but the last of full length.

    Raises:
        DataError: the file holds no sound, or less than its header says, or its samples are too wide.
    """
    width, channels, total = opened.getsampwidth(), opened.getnchannels(), opened.getnframes()
    if width > WIDEST:
        raise DataError(f"{name} has samples of {8 * width} bits, more than {8 * WIDEST}; save it as WAV, 16-bit PCM, and try again.")
    if not total:
        raise DataError(f"{name} is empty: it holds not one sample; record again.")
    done = 0
    while done < total:
        wanted = min(block, total - done)
        content = opened.readframes(wanted)
        if len(content) < wanted * width * channels:
            raise DataError(f"{name} is truncated: {done + len(content) // (width * channels)} of {total} samples "
                            "are there; copy it again.")
        samples = _decode(content, width)
        tally.add(samples, 1 - 2.0 ** (1 - 8 * min(width, 3)))
        yield samples.reshape(-1, channels).mean(1, dtype=np.float32)
        done += wanted


def _usual(rate: int, name: str) -> int:
    """Return a sampling rate as a multiple of 25 Hz, which all usual ones are: the filter for an odd one would fill the memory.

    Raises:
        DataError: it is too low for speech, or higher than any recorder's.
    """
    if rate > HIGHEST_RATE:
        raise DataError(f"{name} says it has {rate} samples a second, more than the {HIGHEST_RATE} that recorders can do; it is damaged, "
                        "copy it again.")
    if rate < LOWEST_RATE:
        raise DataError(f"{name} has {rate} samples a second, too few for speech; record with {LOWEST_RATE} at least.")
    return 25 * round(rate / 25)


def _decode(content: bytes, width: int) -> np.ndarray:
    """Return PCM samples of so many bytes as float32 from -1 to 1; WAV's 8-bit samples have no sign, all others have."""
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128
    raw = np.frombuffer(content, np.uint8).reshape(-1, width)  # little-endian
    padded = np.zeros((len(raw), 4), np.uint8)
    padded[:, 4 - width :] = raw  # as the upper bytes of 32-bit samples
    return padded.view("<i4")[:, 0].astype(np.float32) / 2**31


def _resampled(blocks: Iterator[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Resample blocks to 16 kHz as if they were one: each is seen with a little of its neighbours, of which the result is cut away."""
    unit = rate // math.gcd(rate, RATE)  # so many samples become a whole number of new ones
    new = unit * RATE // rate
    margin = math.ceil(CONTEXT * rate / unit)  # in units
    before = np.zeros(0, np.float32)
    waiting: np.ndarray | None = None
    for block in itertools.chain(blocks, [np.zeros(0, np.float32)]):
        if waiting is not None:
            after = block[: margin * unit]
            found = acoustics.resample(np.concatenate([before, waiting, after]), rate)
            start = len(before) // unit * new
            yield found[start : start + len(waiting) // unit * new] if len(block) else found[start:]
            before = waiting[-margin * unit :]
        waiting = block


def write(samples: np.ndarray, rate: int = RATE) -> bytes:
    """Return int16 samples as the content of a mono WAV file."""
    stream = io.BytesIO()
    with contextlib.closing(wave.open(stream, "wb")) as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(rate)
        opened.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()
