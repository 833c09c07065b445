from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.word_vectors.word2vec import WordEmbeddingConfig, WordEmbeddings


def make(vocabulary_size=7, embedding_dim=4):
    keras.utils.set_random_seed(0)
    model = WordEmbeddings(WordEmbeddingConfig(vocabulary_size, embedding_dim))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return model


def test_logits_are_products_of_the_mean_with_the_candidates():
    model = make()
    inputs, outputs = model.get_weights()
    given, candidates = np.array([[1, -1, 2], [3, 3, 6]]), np.array([[0, 5], [4, 4]])
    expected = [
        [((inputs[1] + inputs[2]) / 2) @ outputs[word] for word in (0, 5)],
        [((2 * inputs[3] + inputs[6]) / 3) @ outputs[word] for word in (4, 4)],
    ]
    np.testing.assert_allclose(model(given, candidates), expected, rtol=1e-5)


def test_the_place_of_a_missing_word_does_not_matter():
    model = make()
    candidates = np.array([[0, 1, 2]])
    np.testing.assert_array_equal(
        model(np.array([[4, 5, -1, -1]]), candidates), model(np.array([[-1, 4, -1, 5]]), candidates)
    )
    assert not np.asarray(model(np.array([[-1, -1]]), candidates)).any()


def test_untrained_it_says_nothing():
    """All logits 0: every word is as likely as not, a loss of ln 2 for each candidate."""
    model = WordEmbeddings(WordEmbeddingConfig(9, 3))
    assert not np.asarray(model(np.array([[1], [2]]), np.array([[3, 4], [5, 6]]))).any()
    assert np.abs(model.vectors).max() <= 0.5 / 3 and model.vectors.shape == (9, 3)


def test_saved_and_loaded_it_gives_the_same_logits(assert_saved_as_it_is):
    assert_saved_as_it_is(make(), np.array([[1, 2]]), np.array([[3, 4]]))


@pytest.mark.parametrize("changes", [{"vocabulary_size": 0}, {"embedding_dim": 1.5}, {"embedding_dim": True}])
def test_a_wrong_value_is_named(changes):
    (value,) = changes.values()
    with pytest.raises(LmbookError, match=repr(value)):
        WordEmbeddingConfig(**{"vocabulary_size": 11, **changes})
