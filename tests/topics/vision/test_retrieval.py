from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.vision.retrieval import retrieve


def brute_force(similarities, candidates):
    right = 0
    for i in range(len(similarities)):
        group = range(i - i % candidates, i - i % candidates + candidates)
        right += max(group, key=lambda j: similarities[i, j]) == i
        right += max(group, key=lambda j: similarities[j, i]) == i
    return right / (2 * len(similarities))


@pytest.mark.parametrize("candidates", [1, 2, 3, 4, 6, 12])
def test_it_equals_brute_force(candidates):
    for seed in range(5):
        similarities = np.random.default_rng(seed).normal(size=(12, 12)) + np.eye(12)
        found = retrieve(similarities, candidates)
        assert found.at_1 == pytest.approx(brute_force(similarities, candidates))
        assert found.text_right.tolist() == [a == b for a, b in enumerate(found.texts)]


def test_directions_are_told_apart():
    found = retrieve(np.array([[1.0, 0.0], [2.0, 1.5]]), 2)
    assert found.texts.tolist() == [0, 0] and found.pictures.tolist() == [1, 1]
    assert found.at_1 == 0.5


def test_fewer_candidates_are_never_harder():
    similarities = np.random.default_rng(0).normal(size=(60, 60)) + 2 * np.eye(60)
    rates = [retrieve(similarities, candidates).at_1 for candidates in (60, 20, 5, 1)]
    assert rates == sorted(rates) and rates[-1] == 1.0


@pytest.mark.parametrize(("shape", "candidates"), [((4, 3), 2), ((4, 4), 3), ((0, 0), 1), ((4, 4), 0), ((4,), 2)])
def test_numbers_that_do_not_fit_are_named(shape, candidates):
    with pytest.raises(LmbookError, match="cannot be cut|have the shape"):
        retrieve(np.zeros(shape), candidates)
