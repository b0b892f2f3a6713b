"""What a linear probe reads off a document's vector: which clause comes first, and the first and the last word (F6)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from unrolled import catalogue
from unrolled.analyses import trained
from unrolled.analyses.weights import generators
from unrolled.models.encoder_decoder import STOP
from unrolled.models.hierarchical import HierarchicalAutoencoder
from unrolled.tasks.documents import Documents

DRAWN = 7_000_003  # seed of the documents that probes learn from
Splits = Mapping[str, np.ndarray]


@torch.no_grad()
def vectors(model: nn.Module, task: Documents, documents: Tensor) -> np.ndarray:
    """Return all that the decoder gets of each document (documents, clauses, steps): (members, documents, size)."""
    batch = task.lay_out(documents)
    if isinstance(model, HierarchicalAutoencoder):
        return model.vector(batch).numpy()
    return torch.cat(tuple(model.read(batch)[0].state), -1).numpy()


def bags(task: Documents, documents: Tensor) -> np.ndarray:
    """Return how often each word occurs in each document: (documents, words); ends of clauses do not count."""
    counts = torch.nn.functional.one_hot(documents.flatten(1), len(task.words)).sum(1)
    counts[:, STOP] = 0
    return counts.numpy().astype(np.float64)


def order_labels(task: Documents, documents: Tensor) -> np.ndarray:
    """Return whether the first clause comes before the last one in the alphabet; the swapped document has the other label."""
    first, last = ([task.text(clause[clause > STOP].tolist()) for clause in documents[:, place]] for place in (0, -1))
    return np.array([one < other for one, other in zip(first, last, strict=True)])


def first_words(task: Documents, documents: Tensor) -> np.ndarray:
    """Return the number of each document's first word."""
    return documents[:, 0, 0].numpy()


def last_words(task: Documents, documents: Tensor) -> np.ndarray:
    """Return the number of each document's last word."""
    clauses = documents[:, -1]
    return clauses.gather(1, (clauses > STOP).sum(1, keepdim=True) - 1).squeeze(1).numpy()


QUESTIONS: dict[str, Callable[[Documents, Tensor], np.ndarray]] = {
    "order": order_labels, "first_word": first_words, "last_word": last_words}


def probe(loaded: trained.Loaded, learned: int, strengths: Sequence[float]) -> dict[str, list[float]]:
    """Ask every question of the trained vectors, of untrained ones and of the bag of words.

    Args:
        loaded: the run.
        learned: number of documents, each in both orders, that a probe learns from.
        strengths: of which validation documents choose the inverse strength of regularisation.

    Returns:
        By <question>_<what is asked>, the share of test documents answered right, one for each seed; of the bag only one. Under
        order_trained_by_document, how many of its two orders each seed has right of each test document, as a share: their answers hang
        together.
    """
    task = loaded.task
    documents = {"train": task.draw("train", learned, torch.Generator().manual_seed(DRAWN)),
                 "validation": task.documents("validation"), "test": task.documents("test")}
    documents = {split: torch.cat([group, group.flip(1)]) for split, group in documents.items()}
    untrained = catalogue.make_model(loaded.run, task.sizes, generators(loaded.model.members), is_trained=False)
    features = {name: {split: vectors(model, task, group) for split, group in documents.items()}
                for name, model in (("trained", loaded.model), ("untrained", untrained))}
    features["bag"] = {split: bags(task, group)[None] for split, group in documents.items()}
    found = {}
    for question, answers in QUESTIONS.items():
        labels = {split: answers(task, group) for split, group in documents.items()}
        for name, of_splits in features.items():
            right = np.stack([answered({split: part[member] for split, part in of_splits.items()}, labels, strengths)
                              for member in range(len(of_splits["test"]))])
            found[f"{question}_{name}"] = right.mean(1).tolist()
            if (question, name) == ("order", "trained"):
                found["order_trained_by_document"] = right.reshape(len(right), 2, -1).mean(1).tolist()
    return found


def answered(features: Splits, labels: Splits, strengths: Sequence[float]) -> np.ndarray:
    """Fit a logistic regression to training vectors (documents, size), choose by validation, and tell which test vectors it gets right."""
    from sklearn.exceptions import ConvergenceWarning  # here: a second's import that few stages need
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features["train"].mean(0), features["train"].std(0)
    scaled = {split: (part - mean) / np.where(deviation > 0, deviation, 1) for split, part in features.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a hundred steps are enough for all that is asked here
        fitted = [LogisticRegression(C=strength, max_iter=100).fit(scaled["train"], labels["train"]) for strength in strengths]
    best = max(fitted, key=lambda model: model.score(scaled["validation"], labels["validation"]))
    return best.predict(scaled["test"]) == labels["test"]
