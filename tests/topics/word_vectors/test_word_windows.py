from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.word_vectors.word_windows import WordWindows, keep_probabilities, noise_distribution, skip_gram_pairs

DOCUMENTS = [[1, 2, 3, 4, 2, 5], [6], [], [2, 3]]


def windows(**changes):
    return WordWindows(DOCUMENTS, 7, **{"window": 3, "threshold": 0, "seed": 4, **changes})


def test_every_pair_within_reach_and_no_other():
    """Against a loop over the text: a pair at distance d comes in (window - d + 1) / window of the epochs."""
    data, epochs, seen = windows(), 3000, Counter()
    for epoch in range(epochs):
        words, around = data.epoch(epoch)
        given, neighbours = skip_gram_pairs(words, around)
        seen.update(zip(given.tolist(), neighbours.tolist(), strict=True))
    expected = Counter()
    for document in DOCUMENTS:
        for i, word in enumerate(document):
            for j, neighbour in enumerate(document):
                if 0 < abs(i - j) <= 3:
                    expected[word, neighbour] += (3 - abs(i - j) + 1) / 3
    assert set(seen) == set(expected)
    for pair, count in expected.items():
        assert abs(seen[pair] / epochs - count) < 0.05, pair


def test_neighbours_stand_from_left_to_right():
    data = WordWindows([[1, 2, 3, 4, 5]], 6, window=1, threshold=0)
    words, around = data.epoch()
    assert words.tolist() == [1, 2, 3, 4, 5]
    assert around.tolist() == [[-1, 2], [1, 3], [2, 4], [3, 5], [4, -1]]
    words, around = WordWindows([[1, 2, 3, 4, 5]], 6, window=2, threshold=0, seed=1).epoch()
    for word, row in zip(words.tolist(), around.tolist(), strict=True):
        for column, neighbour in enumerate(row):
            assert neighbour in (-1, word + (-2, -1, 1, 2)[column])


def test_an_epoch_is_a_function_of_seed_and_number():
    one, two = windows(), windows()
    for a, b in zip(one.epoch(5), two.epoch(5), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.epoch(0)[1], one.epoch(1)[1])
    assert not np.array_equal(one.epoch(0)[1], windows(seed=5).epoch(0)[1])


def test_frequent_words_are_dropped_as_often_as_the_formula_says():
    data = WordWindows([[0] * 900 + [1, 2] * 50] * 20, 3, window=2, threshold=0.02, seed=0)
    words, _ = data.epoch()
    kept = np.bincount(words, minlength=3) / data.counts
    np.testing.assert_allclose(kept, keep_probabilities(data.counts, 0.02), atol=0.05)
    np.testing.assert_allclose(keep_probabilities(data.counts, 0.02)[0], np.sqrt(0.02 / 0.9))


def test_what_is_dropped_lets_the_others_move_together():
    """As in word2vec: words are dropped before windows are cut, so 1 and 2 can become neighbours."""
    data = WordWindows([[1] + [0] * 30 + [2]] * 50, 3, window=2, threshold=0.01, seed=0)
    given, neighbours = skip_gram_pairs(*data.epoch())
    assert (1, 2) in set(zip(given.tolist(), neighbours.tolist(), strict=True))


def test_rare_words_are_never_dropped_and_zero_drops_nothing():
    counts = np.array([900, 100, 1, 0])
    assert keep_probabilities(counts, 1e-3)[2:].tolist() == [1.0, 1.0]
    assert keep_probabilities(counts, 0).tolist() == [1.0] * 4


def test_noise_is_the_power_of_the_counts():
    noise = noise_distribution(np.array([16, 0, 1]))
    np.testing.assert_allclose(noise, [8 / 9, 0, 1 / 9])
    np.testing.assert_allclose(noise_distribution(np.array([16, 0, 1]), 0), [0.5, 0, 0.5])
    np.testing.assert_allclose(noise_distribution(np.array([3, 0, 1]), 1), [0.75, 0, 0.25])


def test_what_cannot_be_used_is_named():
    with pytest.raises(LmbookError, match="threshold=-1"):
        keep_probabilities(np.ones(2), -1)
    with pytest.raises(LmbookError, match="No word occurs"):
        noise_distribution(np.zeros(3))
    with pytest.raises(LmbookError, match="id 6, but vocabulary_size=5"):
        WordWindows(DOCUMENTS, 5)
    with pytest.raises(LmbookError, match="id -1"):
        WordWindows([[1, -1]], 5)
    with pytest.raises(LmbookError, match="window=0"):
        windows(window=0)
    with pytest.raises(LmbookError, match="fewer than two words"):
        WordWindows([[1]], 5)
