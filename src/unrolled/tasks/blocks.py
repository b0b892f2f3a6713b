"""Cross-validation: blocks of a data set's sentences take turns as its test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Item = TypeVar("Item")


def with_test_block(texts: Mapping[str, list[Item]], number: int) -> dict[str, list[Item]]:
    """Return the splits with another block of the test and training texts as the test; the validation texts stay what they are.

    Args:
        texts: by split.
        number: of the block. Blocks are as long as the test split, which is block 0; what is left over is always learned from.

    Raises:
        ValueError: there is no block of that number.
    """
    size, every = len(texts["test"]), [*texts["test"], *texts["train"]]
    if not 0 <= number < len(every) // size:
        raise ValueError(f"fold is {number}, but there are {len(every) // size} blocks of {size}, 0 to {len(every) // size - 1}.")
    block = slice(number * size, (number + 1) * size)
    return {**texts, "test": every[block], "train": every[:block.start] + every[block.stop:]}
