"""Bags of words and of n-grams with logistic regression (scikit-learn): what networks that read in order are held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unrolled.tasks.one_answer import OneAnswer

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def bag_of_words(task: OneAnswer, grams: int, strengths: Sequence[float], counts: bool = False, refit: bool = False) -> np.ndarray:
    """Fit a logistic regression on runs of up to `grams` words; return whether each test sequence is answered right.

    Args:
        task: whose training split is learned from and whose validation split chooses the regularisation; the test split is seen once.
        grams: 1 for single words.
        strengths: tried.
        counts: plain counts instead of tf-idf.
        refit: once the regularisation is chosen, learn from training and validation texts together, as a network may have done.
    """
    texts = {split: [" ".join(words) for words, _ in group] for split, group in task.texts.items()}
    labels = {split: np.array([label for _, label in group]) for split, group in task.texts.items()}
    fitted = [_bag(grams, strength, counts).fit(texts["train"], labels["train"]) for strength in strengths]
    best = max(fitted, key=lambda model: model.score(texts["validation"], labels["validation"]))
    if refit:
        best = best.fit(texts["train"] + texts["validation"], np.concatenate([labels["train"], labels["validation"]]))
    return best.predict(texts["test"]) == labels["test"]


def _bag(grams: int, strength: float, counts: bool) -> Pipeline:
    """Return a classifier of texts whose words are set apart by blanks; liblinear, unlike the default, takes one thread alone."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer  # here: a second's import that few stages need
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    vectors = (CountVectorizer if counts else TfidfVectorizer)(
        ngram_range=(1, grams), tokenizer=str.split, token_pattern=None, lowercase=False)
    return make_pipeline(vectors, LogisticRegression(C=strength, solver="liblinear", max_iter=1000))
