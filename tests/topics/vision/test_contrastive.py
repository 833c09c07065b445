from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.topics.vision.contrastive import LARGEST_SCALE, ContrastiveModel
from lmbook.topics.vision.picture_encoder import PictureTextConfig
from lmbook.training.step import token_losses

SMALL = PictureTextConfig(11, 8, 12, 2, 1, max_sequence_length=10, dropout=0.0, normalize_first=True, picture_size=8)
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (4, 8, 8, 3)).astype("uint8")
IDS = np.array([[7, 1, 8, 2], [3, 1, 4, 0], [5, 5, 0, 0], [6, 0, 0, 0]], "int32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return ContrastiveModel(SMALL)


def test_the_loss_is_that_of_the_paper(model):
    """Against the pseudo-code of the paper's figure 3, in NumPy."""
    pictures, texts = np.asarray(model.picture_vectors(PICTURES)), np.asarray(model.text_vectors(IDS))
    fits = pictures @ texts.T / 0.07

    def cross_entropy(rows):
        return np.mean(np.log(np.exp(rows).sum(axis=1)) - np.diag(rows))

    expected = (cross_entropy(fits) + cross_entropy(fits.T)) / 2
    labels = np.tile(np.arange(4), (2, 1))
    assert float(tf.reduce_mean(token_losses(labels, model((PICTURES, IDS))))) == pytest.approx(expected, rel=1e-5)


def test_the_order_of_the_batch_means_nothing(model):
    order = [2, 0, 3, 1]
    logits = np.asarray(model((PICTURES, IDS)))
    other = np.asarray(model((PICTURES[order], IDS[order])))
    np.testing.assert_allclose(other, logits[:, order][:, :, order], atol=1e-4)
    np.testing.assert_allclose(logits[1], logits[0].T)


def test_vectors_have_the_length_1_and_depend_on_nothing_else_in_the_batch(model):
    pictures, texts = np.asarray(model.picture_vectors(PICTURES)), np.asarray(model.text_vectors(IDS))
    for vectors, alone in ((pictures, model.picture_vectors(PICTURES[1:2])), (texts, model.text_vectors(IDS[1:2]))):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
        np.testing.assert_allclose(vectors[1:2], alone, atol=1e-5)


def test_cosines_are_those_of_all_pairs_however_they_are_cut(model):
    expected = np.asarray(model.picture_vectors(PICTURES)) @ np.asarray(model.text_vectors(IDS[:3])).T
    for size in (1, 3, 250):
        np.testing.assert_allclose(model.cosines(PICTURES, IDS[:3], size), expected, atol=1e-5)


def test_padding_changes_nothing(model):
    longer = np.pad(IDS, ((0, 0), (0, 3)))
    np.testing.assert_allclose(model.text_vectors(longer), model.text_vectors(IDS), atol=1e-5)


def test_the_temperature_is_learned_but_never_too_low(model):
    before = float(model.log_scale)
    model.log_scale.assign(50.0)
    assert np.abs(np.asarray(model((PICTURES, IDS)))).max() <= LARGEST_SCALE * 1.0001
    model.log_scale.assign(before)


def test_every_weight_gets_a_gradient(model, assert_every_weight_learns):
    assert_every_weight_learns(model, (PICTURES, IDS))


def test_saved_and_loaded_it_gives_the_same(model, assert_saved_as_it_is):
    assert_saved_as_it_is(model, (PICTURES, IDS))


def test_a_text_that_is_too_long_is_named(model):
    with pytest.raises(LmbookError, match="11 tokens"):
        model.text_vectors(np.ones((2, 11), "int32"))
