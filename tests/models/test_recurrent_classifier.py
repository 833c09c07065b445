from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.recurrent_classifier import RecurrentClassifier, RecurrentClassifierConfig, turned_round

IDS = np.array([[2, 7, 5, 2], [2, 9, 2, 0]], "int32")


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    return RecurrentClassifier(RecurrentClassifierConfig(13, 3, embedding_dim=8, hidden_dim=6))


def test_padding_changes_nothing(model):
    logits = np.asarray(model(IDS))
    assert logits.shape == (2, 3)
    np.testing.assert_allclose(model(np.pad(IDS, ((0, 0), (0, 5)))), logits, atol=1e-6)
    np.testing.assert_allclose(model(IDS[1:, :3]), logits[1:], atol=1e-6)


def test_it_reads_in_both_directions(model):
    np.testing.assert_array_equal(turned_round(IDS, IDS != 0), [[2, 5, 7, 2], [2, 9, 2, 0]])
    model.directions[1].set_weights(model.directions[0].get_weights())
    half = np.asarray(model.head.kernel)[:6]
    model.head.kernel.assign(np.concatenate([half, half]))
    both = np.array([[2, 7, 5, 3, 2], [2, 3, 5, 7, 2]], "int32")
    one, other = np.asarray(model(both))  # alike in both directions, so a text and its reverse are the same
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.abs(np.asarray(model(np.array([[2, 5, 7, 3, 2]], "int32")))[0] - one).max() > 1e-6


def test_every_weight_gets_a_gradient_and_a_saved_model_is_the_same(
    model, assert_every_weight_learns, assert_saved_as_it_is
):
    assert_every_weight_learns(model, IDS, training=True)
    assert_saved_as_it_is(model, IDS)


def test_a_row_without_tokens_is_no_trouble(model):
    assert np.isfinite(np.asarray(model(np.zeros((1, 4), "int32")))).all()


@pytest.mark.parametrize("wrong", [{"hidden_dim": 0}, {"num_classes": 0}, {"dropout": 1.0}])
def test_what_cannot_be_made_is_refused(wrong):
    with pytest.raises(LmbookError, match=next(iter(wrong))):
        RecurrentClassifierConfig(**{"vocabulary_size": 13, "num_classes": 2, **wrong})
