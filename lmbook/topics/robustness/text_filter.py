"""A filter of unwanted texts, such as spam."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression


class TextFilter:
    """Logistic regression on TF-IDF of words and pairs of words, fitted when it is made.

    Args:
        texts: of the training.
        unwanted: for each whether it is to be found.

    Example:
        >>> spam = TextFilter(["win a prize", "see you at home"], [True, False])
        >>> spam.finds(["a prize for you"]).tolist()
        [True]
    """

    def __init__(self, texts: Sequence[str], unwanted: Sequence[bool]):
        self._features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        self._known = self._features.fit_transform(texts)
        self._linear = LogisticRegression(C=30.0, solver="liblinear").fit(self._known, np.asarray(unwanted, bool))

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """ln(p / (1 - p)) for the probability p that each text is unwanted, [N]."""
        return self._linear.decision_function(self._features.transform(texts))

    def probability(self, texts: Sequence[str]) -> np.ndarray:
        """The probability that each text is unwanted, [N]."""
        return self._linear.predict_proba(self._features.transform(texts))[:, 1]

    def finds(self, texts: Sequence[str]) -> np.ndarray:
        """bool [N]: which are more probably unwanted than not."""
        return self.log_odds(texts) > 0

    def nearest(self, texts: Sequence[str]) -> np.ndarray:
        """The cosine of each text to the nearest training text, [N]."""
        return (self._features.transform(texts) @ self._known.T).max(axis=1).toarray().ravel()
