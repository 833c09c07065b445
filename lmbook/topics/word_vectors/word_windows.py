"""Words and their neighbours: the examples from which word vectors are learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError


def keep_probabilities(counts: np.ndarray, threshold: float) -> np.ndarray:
    """The probability with which each word is kept, so that very frequent words do not crowd out all others.

    min(1, sqrt(threshold / f)) with f the word's share of the text.

    Args:
        counts: how often each word occurs [V].
        threshold: the share from which on words are thinned out; 0 keeps everything.

    Returns:
        probabilities [V] in (0, 1]; 1 for words that never occur.

    Raises:
        LmbookError: the threshold is negative.

    Reference:
        Mikolov et al. 2013, "Distributed representations of words and phrases", equation 5.
    """
    if threshold < 0:
        raise LmbookError(f"threshold={threshold} is negative.", "Choose for example 1e-3, or 0 to keep every word.")
    counts = np.asarray(counts, np.float64)
    if threshold == 0:
        return np.ones_like(counts)
    share = counts / max(counts.sum(), 1.0)
    return np.minimum(1.0, np.sqrt(threshold / np.maximum(share, 1e-300)))


def noise_distribution(counts: np.ndarray, power: float = 0.75) -> np.ndarray:
    """The distribution of negative examples: counts to the power 0.75, so that rare words come a little more often.

    Args:
        counts: how often each word occurs [V].
        power: 1 is the words' own distribution, 0 the uniform one over the words that occur.

    Returns:
        probabilities [V] that add up to 1; 0 for words that never occur.

    Raises:
        LmbookError: no word occurs.

    Reference:
        Mikolov et al. 2013, "Distributed representations of words and phrases", section 2.2.
    """
    counts = np.asarray(counts, np.float64)
    if not (counts > 0).any():
        raise LmbookError("No word occurs: there is nothing to draw from.", "Give a text with some words.")
    weights = np.where(counts > 0, np.maximum(counts, 1e-300) ** power, 0.0)
    return weights / weights.sum()


class WordWindows:
    """Each word of a text with the words around it, anew in every epoch.

    An epoch first drops frequent words by chance (`keep_probabilities`), so that the others move together; then each
    word that is left takes 1 to `window` neighbours on each side, the number drawn evenly, so that near neighbours
    count more often than far ones. Windows end with their document. Epoch k is a pure function of (seed, k).

    Args:
        documents: lists of ids.
        vocabulary_size: V.
        window: the largest distance of a neighbour.
        threshold: see `keep_probabilities`.
        seed: of all that is drawn.

    Attributes:
        counts: how often each id occurs [V], before anything is dropped.

    Raises:
        LmbookError: there are no two words, an id is not in the vocabulary, or window is less than 1.
    """

    def __init__(
        self,
        documents: Sequence[Sequence[int]],
        vocabulary_size: int,
        *,
        window: int = 5,
        threshold: float = 1e-3,
        seed: int = 0,
    ):
        if window < 1:
            raise LmbookError(f"window={window} is less than 1.", "Choose for example 5.")
        documents = [np.asarray(document, np.int32) for document in documents if len(document)]
        self._stream = np.concatenate(documents) if documents else np.zeros(0, np.int32)
        if len(self._stream) < 2:
            raise LmbookError("The text has fewer than two words.", "Give a longer text.")
        if self._stream.min() < 0 or self._stream.max() >= vocabulary_size:
            wrong = int(self._stream.min() if self._stream.min() < 0 else self._stream.max())
            raise LmbookError(
                f"The text holds the id {wrong}, but vocabulary_size={vocabulary_size}.",
                "Give the size of the vocabulary that wrote these ids.",
            )
        self._document = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
        self.counts = np.bincount(self._stream, minlength=vocabulary_size)
        self.window, self.seed = window, seed
        self._keep = keep_probabilities(self.counts, threshold)

    def epoch(self, number: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """All windows of one epoch, in the order of the text.

        Returns:
            words int32 [N] and their neighbours int32 [N, 2 * window], from left to right; -1 where there is none.
            A word without any neighbour is left out.
        """
        rng = np.random.default_rng([self.seed, number])
        kept = rng.random(len(self._stream)) < self._keep[self._stream]
        words, document = self._stream[kept], self._document[kept]
        reach = rng.integers(1, self.window + 1, len(words))
        around = np.full((len(words), 2 * self.window), -1, np.int32)
        for distance in range(1, min(self.window, len(words) - 1) + 1):
            together = document[distance:] == document[:-distance]
            right = together & (reach[:-distance] >= distance)  # of the earlier word
            left = together & (reach[distance:] >= distance)  # of the later word
            around[:-distance, self.window + distance - 1] = np.where(right, words[distance:], -1)
            around[distance:, self.window - distance] = np.where(left, words[:-distance], -1)
        alone = (around < 0).all(axis=1)
        return words[~alone], around[~alone]


def skip_gram_pairs(words: np.ndarray, around: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(word [M], neighbour [M]) for every neighbour that there is in windows (words [N], around [N, C])."""
    row, column = np.nonzero(around >= 0)
    return words[row], around[row, column]
