"""Scores of documents that are to be written as they were read: exactly, symbol by symbol, and by BLEU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from unrolled.batches import Batch
from unrolled.models.encoder_decoder import STOP
from unrolled.tasks.base import GeneratedTask, Items, class_loss

ORDERS = 4  # BLEU counts runs of one to so many words


class Reproduced(GeneratedTask):
    """Documents to be reproduced; in the validation and in the test split each is followed by its swapped one.

    Attributes:
        words: by number: the end of a clause (0, the stop symbol), then all words.
        clauses: number of clauses of a document.
        layout: "flat", all words one after another, or "by_clause", each clause filled up to `steps` steps.
    """

    headline = "exact"
    higher_is_better = True
    steps: ClassVar[int]
    words: list[str]
    clauses: int
    layout: str

    @property
    def chance(self) -> dict[str, float]:
        """Whatever is answered without a look is no document that is asked, since its clauses are known from training."""
        return {"exact": 0.0, "exact_swapped": 0.0}

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy over words and ends of clauses of each member."""
        return class_loss(outputs, batch.targets)

    def read_answer(self, symbols: Sequence[int]) -> list[int]:
        """Return the words and ends of clauses that count: nothing after the last end, laid out by clause nothing after each one's own."""
        if self.layout == "flat":
            ends = [place for place, symbol in enumerate(symbols) if symbol == STOP][: self.clauses]
            return list(symbols[: ends[-1] + 1] if len(ends) == self.clauses else symbols)
        parts = [list(symbols[start : start + self.steps]) for start in range(0, len(symbols), self.steps)]
        return [symbol for part in parts for symbol in (part[: part.index(STOP) + 1] if STOP in part else part)]

    def text(self, symbols: Sequence[int]) -> str:
        """Return words and ends of clauses as text."""
        return " ".join(self.words[symbol] for symbol in symbols)

    def items(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Count for each document: exact or not, symbols right at their place and all, and what BLEU is made of (words without ends)."""
        from sacrebleu.metrics import BLEU  # here: half a second's import that no other task needs

        score, rights = BLEU(tokenize="none", effective_order=True), [row[row >= 0].tolist() for row in batch.targets[0]]
        names = ("exact", "right", "symbols", "answer_words", "words", *_runs("matching"), *_runs("written"))
        found = torch.zeros(len(names), *outputs.shape[:2], dtype=torch.int32)
        for member, rows in enumerate(outputs.argmax(-1).tolist()):
            for column, (symbols, right) in enumerate(zip(rows, rights, strict=True)):
                answer = self.read_answer(symbols)
                bleu = score.sentence_score(self._words_only(answer), [self._words_only(right)])
                found[:, member, column] = torch.tensor([
                    answer == right, sum(map(int.__eq__, answer, right)), len(right), bleu.sys_len, bleu.ref_len, *bleu.counts,
                    *bleu.totals])
        return dict(zip(names, found, strict=True))

    def _words_only(self, symbols: Sequence[int]) -> str:
        return self.text([symbol for symbol in symbols if symbol != STOP])

    def metrics(self, items: Items) -> dict[str, Tensor]:
        """Return the share of exact documents, of right symbols, corpus BLEU (0 to 1), and the share exact in both orders."""
        exact = items["exact"].double()
        right, symbols = (items[name].sum(1).double() for name in ("right", "symbols"))
        return {"exact": exact.mean(1), "token_accuracy": right / symbols, "bleu": corpus_bleu(items),
                "exact_swapped": (exact[:, ::2] * exact[:, 1::2]).mean(1)}


def corpus_bleu(items: Items) -> Tensor:
    """Return sacrebleu's corpus BLEU of each member (0 to 1) over all documents."""
    from sacrebleu.metrics import BLEU

    totals = {name: counts.sum(1).tolist() for name, counts in items.items()}  # a list over members each
    scores = [BLEU.compute_bleu([totals[name][member] for name in _runs("matching")], [totals[name][member] for name in _runs("written")],
                                totals["answer_words"][member], totals["words"][member], smooth_method="exp").score / 100
              for member in range(len(items["exact"]))]
    return torch.tensor(scores, dtype=torch.float64)


def _runs(name: str) -> list[str]:
    return [f"{name}_{order}" for order in range(1, ORDERS + 1)]
