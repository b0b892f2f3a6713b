"""The form in which every set of spoken pieces is kept: features, what is said, by whom, when each word begins and ends; some with sound.

A split is `<split>.safetensors` (all frames in one array) and `<split>.json` (texts and voices), with `<split>_sound.safetensors` where
sound is kept. Features and sound are of the same samples: the features are those of the int16 sound, noise and all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled import processor, results
from unrolled.data import acoustics
from unrolled.data.archives import DataError
from unrolled.data.base import DataSet

LARGEST = 32767  # features are kept as int16, a scale for each coefficient: 26 bytes a frame instead of 52, to within 0.01


class Spoken(NamedTuple):
    """Spoken pieces, in a fixed order.

    Attributes:
        features: float32 (frames, 13) MFCCs, a frame every 10 ms, neither normalised nor with deltas.
        texts: what is said: a word, or words between blanks.
        voices: who says it.
        starts: int32 (words,) frame at which each word begins; of a word alone [0].
        ends: int32 (words,) frame after the last of each word.
    """

    features: list[np.ndarray]
    texts: list[str]
    voices: list[str]
    starts: list[np.ndarray]
    ends: list[np.ndarray]


class Piece(NamedTuple):
    """One spoken piece on its way to the disk: int16 samples at 16 kHz, and its part of `Spoken`."""

    samples: np.ndarray
    text: str
    voice: str
    starts: np.ndarray
    ends: np.ndarray


class SpokenSet(DataSet):
    """A set of spoken pieces: spoken by espeak-ng, or, from the official source, put together from recordings where there are any."""

    def freeze(self, source: str, folder: Path) -> dict[str, Any]:
        """Write the splits with what belongs to them; return the counts."""
        processor.prepare()  # one thread: on short pieces two are slower, many times so where the cores are shared
        return self.synthesise(folder) if source == "packaged" else self.from_recordings(folder)

    @abstractmethod
    def synthesise(self, folder: Path) -> dict[str, Any]:
        """Write the set as espeak-ng speaks it."""

    def from_recordings(self, folder: Path) -> dict[str, Any]:
        """Write the set from recordings; where there are none, as espeak-ng speaks it."""
        return self.synthesise(folder)


def write(folder: Path, split: str, pieces: Iterable[Piece], highest: float = acoustics.HIGHEST, keep_sound: bool = False) -> int:
    """Write a split from its pieces, whose samples need not all be in memory at once; return how many there are."""
    features, kept, sounds = [], [], []
    for piece in pieces:
        features.append(acoustics.mfcc(piece.samples, highest))
        kept.append(piece._replace(samples=None))
        sounds += [piece.samples] if keep_sound else []
    frames = np.concatenate(features)
    scale = np.abs(frames).max(0) / LARGEST
    arrays = {"frames": np.rint(frames / scale).astype(np.int16), "scale": scale.astype(np.float32),
              "lengths": np.array([len(each) for each in features], np.int32),
              "words": np.array([len(piece.starts) for piece in kept], np.int32),
              "starts": np.concatenate([piece.starts for piece in kept]).astype(np.int32),
              "ends": np.concatenate([piece.ends for piece in kept]).astype(np.int32)}
    results.write_arrays(folder / f"{split}.safetensors", arrays)
    results.write_json(folder / f"{split}.json", {"texts": [piece.text for piece in kept], "voices": [piece.voice for piece in kept]})
    if keep_sound:
        results.write_arrays(folder / f"{split}_sound.safetensors",
                             {"samples": np.concatenate(sounds), "lengths": np.array([len(each) for each in sounds], np.int32)})
    return len(kept)


def write_splits(folder: Path, splits: Mapping[str, Iterable[Piece]], keep_sound: Collection[str] = (), show: int = 0,
                 highest: float = acoustics.HIGHEST) -> dict[str, int]:
    """Write splits, one after the other; return how many pieces each has.

    Args:
        folder: where to.
        splits: the pieces by split, made while they are written.
        keep_sound: splits whose sound is kept.
        show: so many of the split "test", evenly spread over it, are written again as "shown", with their sound.
        highest: upper edge of the mel bands, in Hz.
    """
    counts = {}
    for split, pieces in splits.items():
        shown = list(pieces) if show and split == "test" else []
        counts[split] = write(folder, split, shown or pieces, highest, split in keep_sound)
        if shown:
            counts["shown"] = write(folder, "shown", [shown[place * len(shown) // show] for place in range(show)], highest, True)
    return counts


def load(folder: Path, split: str) -> Spoken:
    """Return a frozen split.

    Raises:
        DataError: its files do not fit together.
        ResultsError: one of them is missing or damaged.
    """
    path = folder / f"{split}.safetensors"
    arrays, told = results.read_arrays(path), results.read_json(folder / f"{split}.json")
    try:
        lengths, words = arrays["lengths"], arrays["words"]
        texts, voices = list(told["texts"]), list(told["voices"])
        sizes = {len(lengths), len(words), len(texts), len(voices)}
        whole = arrays["frames"].shape == (lengths.sum(), acoustics.COEFFICIENTS)
        whole = whole and len(arrays["starts"]) == len(arrays["ends"]) == words.sum()
        frames = arrays["frames"] * arrays["scale"]  # float32 (frames of all pieces, coefficients)
    except (KeyError, TypeError, ValueError, AttributeError):
        sizes, whole = set(), False
    if len(sizes) != 1 or not whole:
        raise DataError(f"{path} is damaged: its pieces, words and frames do not add up; delete {folder} and run "
                        "`make reproduce` to make it again.")
    return Spoken(cut(frames, lengths), texts, voices, cut(arrays["starts"], words), cut(arrays["ends"], words))


def audio(folder: Path, split: str) -> tuple[int, list[np.ndarray]]:
    """Return the sampling rate and the int16 samples of each piece of a split, in the order of `load`.

    Raises:
        DataError: the set keeps no sound of the split, or it is damaged.
    """
    path = folder / f"{split}_sound.safetensors"
    if not path.exists():
        kept = ", ".join(sorted(found.name.removesuffix("_sound.safetensors") for found in folder.glob("*_sound.safetensors")))
        raise DataError(f"{folder} keeps no sound of {split!r}, only of: {kept or 'none'}; choose one of these.")
    arrays = results.read_arrays(path)
    samples, lengths = arrays.get("samples", np.zeros(0)), arrays.get("lengths", np.zeros(0))
    if samples.dtype != np.int16 or len(samples) != lengths.sum():
        raise DataError(f"{path} is damaged: its samples do not add up; delete {folder} and run `make reproduce` to make it again.")
    return acoustics.RATE, cut(samples, lengths)


def phonemes(folder: Path) -> dict[str, list[str]]:
    """Return the IPA phonemes of each word of a set, without stress and length marks."""
    return results.read_json(folder / "phonemes.json")


def voices(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return the query and the archive voices of each split of a set that has them."""
    return results.read_json(folder / "voices.json")


def highest_frequency(folder: Path) -> float:
    """Return the upper edge, in Hz, of the bands that a set's features are made of; other sound must be transformed with the same."""
    return float(results.read_result(folder / "card.json")["highest_frequency"])


def counted(splits: dict[str, int], highest: float = acoustics.HIGHEST) -> dict[str, Any]:
    """Return what a set of spoken pieces tells its card."""
    return {"splits": splits, "highest_frequency": highest, "sampling_rate": acoustics.RATE,
            "frame_seconds": acoustics.HOP / acoustics.RATE}


def cut(rows: np.ndarray, lengths: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    """Cut the rows of an array into pieces of these lengths."""
    return np.split(rows, np.cumsum(lengths)[:-1])
