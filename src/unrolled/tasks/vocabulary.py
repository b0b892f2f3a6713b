"""What tasks over words and characters share: the first two numbers of every vocabulary, and sequences filled up to one length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PADDING, UNKNOWN = 0, 1


def pad(sequences: Sequence[Sequence[int]], value: int) -> np.ndarray:
    """Return sequences as one array (sequences, longest), filled up with `value`."""
    padded = np.full((len(sequences), max(map(len, sequences))), value, dtype=np.int64)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded
