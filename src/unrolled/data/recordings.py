"""Recorded digits: the Free Spoken Digit Dataset v1.0.10, 50 recordings of each of ten digits by each of six people, at 8 kHz."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled.data import acoustics, archives, download, wav
from unrolled.data.archives import DataError
from unrolled.data.base import original_files
from unrolled.data.sources import RECORDED_DIGITS_SHA256

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
EACH = 50
HIGHEST = 4000.0  # Hz: half of the 8 kHz at which they were recorded
TEST, VALIDATION = range(5), range(5, 10)  # indices; the first is the data set's own rule

CARD: dict[str, Any] = {
    "origin": "Free Spoken Digit Dataset v1.0.10 (Jackson and others), 3000 recordings of people",
    "origin_zh": "Free Spoken Digit Dataset v1.0.10（Jackson 等），3000 段真人录音",
    "licence": "CC BY-SA 4.0", "licence_zh": "CC BY-SA 4.0",
}
FLAWS = ["official: six people and ten words, at 8 kHz, so that nothing above 4 kHz can be heard"]
FLAWS_ZH = ["官方来源：只有六位说话人、十个词；采样率 8 kHz，4 kHz 以上的声音全部缺失"]


class Recording(NamedTuple):
    """A digit (0 to 9) as a person said it: float32 samples at 16 kHz, and the recording's number among those of the same digit."""

    samples: np.ndarray
    digit: int
    speaker: str
    index: int


def read() -> list[Recording]:
    """Return all recordings, sorted by digit, speaker and index.

    Raises:
        DataError: the archive cannot be had or is damaged, or holds other recordings.
    """
    (name, content), = original_files("spoken_digits").items()
    keys = list(itertools.product(range(len(DIGITS)), SPEAKERS, range(EACH)))
    files = {f"recordings/{digit}_{speaker}_{index}.wav": (digit, speaker, index) for digit, speaker, index in keys}
    with download.temporary_folder() as folder:
        path = Path(folder) / "recordings.tar"
        path.write_bytes(unpacked(content, name))  # in a packed archive every member would be looked for from its beginning
        members = archives.read_members(path, files)
    digest = hashlib.sha256(b"".join(members[file] for file in sorted(files))).hexdigest()
    if digest != RECORDED_DIGITS_SHA256:
        raise DataError(f"{name} holds recordings of sha256 {digest[:16]}... where {RECORDED_DIGITS_SHA256[:16]}... is expected; "
                        "get version 1.0.10 of the Free Spoken Digit Dataset.")
    return [Recording(acoustics.as_float(wav.read(members[file], file)), *key) for file, key in files.items()]


def unpacked(content: bytes, name: str) -> bytes:
    """Return what gzip had packed, if it is no larger than any member may be.

    Raises:
        DataError: it is damaged, or larger.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            found = stream.read(archives.LARGEST_MEMBER + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} is damaged ({error}); delete it where it was kept and run the same command again.") from None
    if len(found) > archives.LARGEST_MEMBER:
        raise DataError(f"{name} unpacks to more than {archives.LARGEST_MEMBER} bytes; it is not the file that is meant.")
    return found


def by_rule(found: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Return the recordings by split: index below 5 test, below 10 validation, the others train; all speakers are in each."""
    return {"train": [each for each in found if each.index not in TEST and each.index not in VALIDATION],
            "validation": [each for each in found if each.index in VALIDATION],
            "test": [each for each in found if each.index in TEST]}
