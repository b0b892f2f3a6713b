"""The Free Spoken Digit Dataset v1.0.10: 3000 recordings of ten digits by six speakers, 50 of each by each, at 8 kHz."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unrolled.data import acoustics, archives, download
from unrolled.data.archives import DataError
from unrolled.data.base import original_files

RATE = 8000
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TAKES = 50
TEST_TAKES = 5  # the data set's own rule: the first five are for testing
CONTENT = "ddb17656a0bca4c5ddace082be188ca630516dc2ef1110afe3c4e9cc71173de4"  # sha256 of all recordings in the order of their names


class Recording(NamedTuple):
    """One digit as somebody said it, float32 within -1 and 1."""

    samples: np.ndarray
    digit: int
    speaker: str
    take: int


def recordings() -> list[Recording]:
    """Return all recordings, by digit, speaker and take.

    Raises:
        DataError: the archive cannot be had, or its recordings are not those that are meant.
    """
    (name, content), = original_files("spoken_digits").items()
    places = [(digit, speaker, take) for digit in range(10) for speaker in SPEAKERS for take in range(TAKES)]
    names = ["recordings/{}_{}_{}.wav".format(*place) for place in places]
    with download.temporary_folder() as folder:
        path = Path(folder) / "recordings.tar"
        path.write_bytes(_unpacked(content, name))  # a packed archive would be read anew for every member
        members = archives.read_members(path, names)
        found = hashlib.sha256(b"".join(members[member] for member in sorted(names))).hexdigest()
        if found != CONTENT:
            raise DataError(f"{name} holds other recordings than version 1.0.10 (sha256 {found[:12]}...); fetch that version.")
        return [Recording(_samples(members[member], Path(folder)), *place) for member, place in zip(names, places, strict=True)]


def _unpacked(content: bytes, name: str) -> bytes:
    """Unpack gzip, but no more than the largest member that is ever read."""
    try:
        unpacked = gzip.GzipFile(fileobj=io.BytesIO(content)).read(archives.LARGEST_MEMBER + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} is damaged ({error}); delete it where it was kept and run the same command again.") from None
    if len(unpacked) > archives.LARGEST_MEMBER:
        raise DataError(f"{name} unpacks to more than {archives.LARGEST_MEMBER} bytes; it is not the file that is meant.")
    return unpacked


def _samples(content: bytes, folder: Path) -> np.ndarray:
    path = folder / "recording.wav"
    path.write_bytes(content)
    return np.concatenate([block for block, _ in acoustics.wav_blocks(path)])
