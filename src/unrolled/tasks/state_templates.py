"""The template grammar with labels that carry the state: words that name no slot say which verb was read last.

    please arrive osaka on november 2nd  -> O O-arriving destination O-arriving arrival-month arrival-day

A network that stores its last label (Jordan 1986) then finds in it all that it must remember, and teacher forcing hands it over.
"""

from __future__ import annotations

from pathlib import Path

from unrolled.batches import Batch
from unrolled.tasks.templates import LABELS, Templates, Word

STATES = {"arrive": "O-arriving", "leave": "O-leaving", "from": "O-leaving"}
STATE_LABELS = ("O-arriving", "O-leaving")


class StateTemplates(Templates):
    """The template grammar, its O labels after the first verb replaced by one for each verb.

    Args:
        folder: frozen set "cities".
        sentences, cities, unknown, own_sentences: see `Templates`.
    """

    def __init__(self, folder: Path, *, sentences: int = 400, cities: int = 20, unknown: float = 0.1, own_sentences: bool = False) -> None:
        super().__init__(folder, sentences=sentences, cities=cities, unknown=unknown, own_sentences=own_sentences)
        self.labels = [*LABELS, *STATE_LABELS]
        self.sizes = self.sizes._replace(outputs=len(self.labels))

    def _encode(self, sentences: list[list[Word]], unknown: float, seed: int) -> Batch:
        """Return what the plain grammar does, with the state in the labels."""
        plain = super()._encode(sentences, unknown, seed)
        return plain._replace(targets=self._pad([carried(sentence) for sentence in sentences], -100))


def carried(sentence: list[Word]) -> list[int]:
    """Return the number of each label of a sentence, O after a verb replaced by that verb's own."""
    labels, found, state = [*LABELS, *STATE_LABELS], [], "O"
    for word, label, _ in sentence:
        state = STATES.get(word, state)
        found.append(labels.index(state if label == "O" else label))
    return found
