"""Word vectors without a network: count which words occur together, weight the counts, keep the main directions."""

from __future__ import annotations

import numpy as np

from lmbook.errors import LmbookError


def neighbour_counts(words: np.ndarray, neighbours: np.ndarray, vocabulary_size: int) -> np.ndarray:
    """How often each word occurs near each other word: pairs (words [M], neighbours [M]) -> counts [V, V].

    Dense, so for some thousands of words.
    """
    flat = np.asarray(words, np.int64) * vocabulary_size + neighbours
    return np.bincount(flat, minlength=vocabulary_size**2).reshape(vocabulary_size, vocabulary_size)


def ppmi(counts: np.ndarray) -> np.ndarray:
    """Positive pointwise mutual information [V, V]: max(0, ln(p(a, b) / (p(a) p(b)))).

    How many times more often two words meet than they would by chance, as a logarithm; 0 where it is less often.

    Raises:
        LmbookError: all counts are 0.

    Reference:
        Church and Hanks 1990; Bullinaria and Levy 2007 for the positive part.
    """
    counts = np.asarray(counts, np.float64)
    total = counts.sum()
    if total == 0:
        raise LmbookError("No two words were seen together.", "Give a text with some words.")
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total
    together = counts > 0
    return np.where(together, np.log(np.maximum(np.where(together, counts / np.maximum(expected, 1e-12), 1.0), 1.0)), 0)


def count_vectors(counts: np.ndarray, embedding_dim: int) -> np.ndarray:
    """Vectors [V, D] from neighbour counts [V, V]: the main D directions of their PPMI, scaled by sqrt of the strength.

    Args:
        counts: see `neighbour_counts`.
        embedding_dim: D, at most V.

    Raises:
        LmbookError: D is not between 1 and V.

    Reference:
        Levy and Goldberg 2014, "Neural word embedding as implicit matrix factorization", section 5: word2vec with
        negative samples factors nearly the same matrix, without ever writing it down.
    """
    if not 1 <= embedding_dim <= len(counts):
        raise LmbookError(f"embedding_dim={embedding_dim} is not between 1 and {len(counts)}.", "Choose fewer.")
    left, strength, _ = np.linalg.svd(ppmi(counts), full_matrices=False)
    return (left[:, :embedding_dim] * np.sqrt(strength[:embedding_dim])).astype(np.float32)
