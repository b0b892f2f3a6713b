"""Answers that are strings of words: their loss, with an alignment or without one, how an answer is read off, and its scores.

A null symbol stands for nothing: CTC's blank, or silence as a class of its own. With 棒 棒 _ 棒 as the labels of four steps:

    repeats merged, then nulls deleted    棒 棒      (CTC; where no step is null, this is the trimming of the notes)
    nulls deleted, then repeats merged    棒         (the wrong order: a doubled word is lost)
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from unrolled.batches import Batch
from unrolled.tasks.base import Items, StoredTask, class_loss

GUESSES = 60  # training strings that `chance` chooses its constant answer from
SAMPLE = 200  # training strings that they are held against


class Transcribed(StoredTask):
    """A task whose answer is a string of words, read off the steps of the input.

    Attributes:
        labels: "ctc", or "frames" for targets that are classes of steps.
        null: class that stands for nothing, or None. A batch's `extra` holds whether there are pauses, then the words said, padded.
    """

    headline = "symbol_error_rate"
    higher_is_better = False
    labels: str
    null: int | None

    @functools.cached_property
    def _guess(self) -> list[int]:
        """The string of least total edit distance to the training strings, of a sample of them and the empty one."""
        strings = Counter(tuple(row[row >= 0].tolist()) for row in self.splits["train"].extra[:, 1:])
        guesses, asked = (sorted(strings)[:: max(1, len(strings) // most)] for most in (GUESSES, SAMPLE))
        return list(min([(), *guesses], key=lambda guess: sum(strings[string] * distance(guess, string) for string in asked)))

    @functools.cached_property
    def chance(self) -> dict[str, float]:
        """Answering every string by the same one, which lies nearest to what training shows."""
        said = [row[row >= 0].tolist() for row in self.splits["test"].extra[:, 1:]]
        errors = [distance(self._guess, words) for words in said]
        return {"symbol_error_rate": sum(errors) / sum(map(len, said)), "accuracy": errors.count(0) / len(errors)}

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return each member's loss in nats a step: cross-entropy, or CTC's of a whole string over its number of steps."""
        return class_loss(outputs, batch.targets) if self.labels == "frames" else ctc_loss(outputs, batch, self.null)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Score each answer, by the right order of merging and deleting and, with a null symbol, by the wrong one too."""
        pauses, said = batch.extra[0, :, 0], [row[row >= 0].tolist() for row in batch.extra[0, :, 1:]]
        repeats = torch.tensor([doubles(words) > 0 for words in said])
        found = {"symbols": torch.tensor([len(words) for words in said]), "repeats": repeats.long(), "pauses": pauses}
        found = {name: values.expand(len(outputs), -1) for name, values in found.items()}
        for suffix, decode in {"": collapse, **({} if self.null is None else {"_blanks_first": collapse_nulls_first})}.items():
            answers = [[decode(path[:length], self.null) for path, length in zip(rows, batch.lengths[0].tolist(), strict=True)]
                       for rows in outputs.argmax(-1).tolist()]
            errors = torch.tensor([[distance(answer, words) for answer, words in zip(row, said, strict=True)] for row in answers])
            found |= {f"errors{suffix}": errors, f"right{suffix}": (errors == 0).long()}
        return found

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return error rates and shares of right strings by group; a group without a string has none."""
        repeats, pauses = items["repeats"].bool(), items["pauses"].bool()
        groups = {"": torch.ones_like(repeats), "_repeats": repeats, "_no_repeats": ~repeats, "_repeats_pauses": repeats & pauses,
                  "_repeats_connected": repeats & ~pauses}
        scores = {}
        for suffix in ("", "_blanks_first"):
            for name, group in groups.items() if f"errors{suffix}" in items else ():
                errors, right, symbols = (items[key] * group for key in (f"errors{suffix}", f"right{suffix}", "symbols"))
                error = f"error{name}{suffix}" if name else f"symbol_error_rate{suffix}"
                scores[error] = errors.sum(1) / symbols.sum(1)
                scores[f"accuracy{name}{suffix}"] = right.sum(1) / group.sum(1)
        return scores


def ctc_loss(outputs: Tensor, batch: Batch, null: int) -> Tensor:
    """Return the CTC loss of each member, summed over its strings and divided by its steps: (members,).

    Members are folded into the batch: the library's loss goes through each string by itself.
    """
    members, rows = outputs.shape[:2]
    scores = outputs.log_softmax(-1).flatten(0, 1).transpose(0, 1)  # (time, members * batch, classes)
    targets, lengths = batch.targets.expand(members, -1, -1).flatten(0, 1), batch.lengths.expand(members, -1)
    losses = torch.nn.functional.ctc_loss(scores, targets.clamp(min=0), lengths.flatten(), (targets >= 0).sum(-1), blank=null,
                                          reduction="none", zero_infinity=True)
    return losses.view(members, rows).sum(1) / lengths.sum(1)


def distance(answer: Sequence[int], said: Sequence[int]) -> int:
    """Return the number of symbols to be changed, added or left out."""
    from torchaudio.functional import edit_distance  # here: an import that no other task needs

    return edit_distance(list(answer), list(said))


def doubles(words: Sequence[int]) -> int:
    """Return how often a word stands right after itself."""
    return sum(first == second for first, second in itertools.pairwise(words))


def collapse(path: Sequence[int], null: int | None = None) -> list[int]:
    """Merge the repeats of a path, a symbol per step; then delete the null symbol, if there is one."""
    return [symbol for symbol, _ in itertools.groupby(path) if symbol != null]


def collapse_nulls_first(path: Sequence[int], null: int | None = None) -> list[int]:
    """Delete the null symbol, then merge repeats: CTC's two steps in the wrong order."""
    return collapse([symbol for symbol in path if symbol != null])
