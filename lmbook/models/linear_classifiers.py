"""The classifiers that a network has to beat: logistic regression on a bag of words, or on vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)


WORD = r"(?u)\b\w\w+\b"  # scikit-learn's: two letters or digits at least
SIGN = r"(?u)\S"


def bag_of_words(C: float, word: str = WORD) -> Pipeline:
    """TF-IDF of words and pairs of words with logistic regression; to be fitted to texts.

    Args:
        C: the larger, the less are large weights punished.
        word: the pattern of what is counted, `WORD` or `SIGN`: any sign but white space.
    """
    weighing = TfidfVectorizer(token_pattern=word, ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(weighing, LogisticRegression(C=C, max_iter=2000))


def linear(C: float) -> Pipeline:
    """Logistic regression on vectors, each entry scaled to mean 0 and spread 1; to be fitted to an array [N, D].

    Args:
        C: the larger, the less are large weights punished.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))


def with_best_penalty(
    make: Callable[[float], Pipeline],
    train: Sequence[str] | np.ndarray,
    classes: Sequence,
    validation: Sequence[str] | np.ndarray,
    validation_classes: Sequence,
) -> Pipeline:
    """The fitted classifier with the best accuracy on validation examples; of equal ones that with the smallest C.

    Args:
        make: `bag_of_words` or `linear`.
        train, validation: texts, or vectors [N, D].
        classes, validation_classes: one for each.
    """
    fitted = [make(C).fit(train, classes) for C in PENALTIES]
    return fitted[int(np.argmax([model.score(validation, validation_classes) for model in fitted]))]
