from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.word_vectors import WordVectors, same_class_share
from lmbook.topics.word_vectors.training import ARCHITECTURES, examples, train_word_embeddings
from lmbook.topics.word_vectors.word2vec import WordEmbeddingConfig, WordEmbeddings
from lmbook.topics.word_vectors.word_windows import WordWindows

CLASSES = {"a": (0, 1, 2), "b": (3, 4, 5), "c": (6, 7, 8)}


@pytest.fixture(scope="module")
def windows():
    """Sentences a b c a b c …, each word drawn evenly from its class: only the class of a word can be known."""
    rng = np.random.default_rng(0)
    documents = [[rng.choice(CLASSES["abc"[i % 3]]) for i in range(12)] for _ in range(150)]
    return WordWindows(documents, 9, window=2, threshold=0, seed=1)


def train(windows, architecture, seed=2, **options):
    keras.utils.set_random_seed(seed)
    model = WordEmbeddings(WordEmbeddingConfig(9, 8))
    losses = train_word_embeddings(
        model, windows, architecture, **{"epochs": 6, "batch_size": 64, "learning_rate": 0.03, "seed": seed, **options}
    )
    return model, losses


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_words_of_a_class_come_together(windows, architecture):
    model, losses = train(windows, architecture)
    assert losses[-1] < losses[0] < 6 * math.log(2) + 0.1  # it begins at a guess: ln 2 for each of 6 candidates
    words = [str(word) for word in range(9)]
    classes = {str(word): name for name, members in CLASSES.items() for word in members}
    assert same_class_share(WordVectors(words, model.vectors), classes) == 1.0


def test_the_same_seed_gives_the_same_vectors(windows):
    first, losses = train(windows, "skip_gram", epochs=2)
    second, again = train(windows, "skip_gram", epochs=2)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert losses == again
    third, _ = train(windows, "skip_gram", epochs=2, seed=3)
    assert not np.array_equal(first.vectors, third.vectors)


def test_cbow_gives_the_neighbours_and_asks_for_the_word(windows):
    words, around = windows.epoch(3)
    given, target = examples(windows, "cbow", 3)
    np.testing.assert_array_equal(given, around)
    np.testing.assert_array_equal(target, words)
    given, target = examples(windows, "skip_gram", 3)
    assert given.shape == (int((around >= 0).sum()), 1) and target.shape == given.shape[:1]


def test_the_first_loss_is_that_of_the_formula(windows):
    """With a learning rate of 0 the model stays untrained: ln 2 for the true word and for each true negative."""
    _, losses = train(windows, "skip_gram", epochs=1, learning_rate=1e-12, negatives=3)
    expected = math.log(2) * (1 + 3 * (1 - 1 / 9))  # of 9 words about evenly drawn, one is the true word
    assert losses[0] == pytest.approx(expected, rel=0.02)


def test_what_cannot_be_used_is_named(windows):
    with pytest.raises(LmbookError, match="glove"):
        train(windows, "glove")
    with pytest.raises(LmbookError, match="batch_size=1000000"):
        train(windows, "cbow", batch_size=1_000_000)
