"""Vectors of spoken words by seeds that were trained once at full scale: their items hold them, so that no weights are needed."""

from __future__ import annotations

import numpy as np

from unrolled import results
from unrolled.analyses import trained
from unrolled.settings import Settings
from unrolled.tasks.spoken_words import ROLE, VOICE, WORD, SpokenWords

LABELS = {"word": WORD, "voice": VOICE, "role": ROLE}  # items of a run, and the column of `Batch.extra` that they come from


def of_test_words(reference: str, task: SpokenWords, settings: Settings) -> list[np.ndarray]:
    """Return each member's vectors of the split "test" in the order of the data, words that were learned from behind: (pieces, size) each.

    Args:
        reference: "section/run", which has been recorded. task: as it reads speech now. settings: all settings.

    Raises:
        ResultsError: the vectors are of other words or voices than those of now.
    """
    section, _, run = reference.partition("/")
    items, order = trained.items_of(section, run, settings), task.item_order("test")
    labels = task.splits["test"].extra[order]
    found = items["vector"]
    if found.shape[1] != len(order) or any((items[name] != labels[:, column]).any() for name, column in LABELS.items()):
        path = trained.record_path(section, run, settings).with_suffix(".items.safetensors")
        raise results.ResultsError(f"{path} holds vectors of other words than those of now; "
                                   f"run `make record SECTION={section} RUNS={run}`.")
    vectors = np.empty(found.shape, np.float32)
    vectors[:, order] = found
    return list(vectors)
