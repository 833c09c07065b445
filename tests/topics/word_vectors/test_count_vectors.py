from __future__ import annotations

import math

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.word_vectors.count_vectors import count_vectors, neighbour_counts, ppmi

PAIRS = [(0, 1), (1, 0), (0, 1), (2, 3), (3, 2), (2, 1), (0, 0)]


def counts():
    return neighbour_counts(*np.array(PAIRS).T, 5)


def test_counts_are_those_of_a_loop():
    expected = np.zeros((5, 5), int)
    for a, b in PAIRS:
        expected[a, b] += 1
    np.testing.assert_array_equal(counts(), expected)


def test_ppmi_is_that_of_a_loop():
    table = counts()
    for a in range(5):
        for b in range(5):
            expected = 0.0
            if table[a, b]:
                ratio = table[a, b] * table.sum() / (table[a].sum() * table[:, b].sum())
                expected = max(0.0, math.log(ratio))
            assert ppmi(table)[a, b] == pytest.approx(expected)


def test_with_all_directions_the_products_are_those_of_the_matrix():
    """V S V^T: for a symmetric matrix without negative directions the vectors' products are the matrix itself."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 6, 4000), rng.integers(0, 6, 4000)
    both = neighbour_counts(np.concatenate(rows), np.concatenate(rows[::-1]), 6) + 4000 * np.eye(6, dtype=int)
    vectors = count_vectors(both, 6)
    np.testing.assert_allclose(vectors @ vectors.T, ppmi(both), atol=1e-5)
    assert count_vectors(both, 2).shape == (6, 2)


def test_what_cannot_be_used_is_named():
    with pytest.raises(LmbookError, match="embedding_dim=6"):
        count_vectors(counts(), 6)
    with pytest.raises(LmbookError, match="No two words"):
        ppmi(np.zeros((3, 3)))
