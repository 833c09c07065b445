from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.vision.captioner import Captioner
from lmbook.topics.vision.picture_encoder import PictureTextConfig

SMALL = PictureTextConfig(11, 8, 12, 2, 2, max_sequence_length=10, dropout=0.0, normalize_first=True, picture_size=8)
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (2, 8, 8, 3)).astype("uint8")
TARGET = np.array([[2, 7, 1, 8, 2], [2, 3, 1, 4, 1]], "int32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    model = Captioner(SMALL)
    for weight in model.trainable_variables:
        weight.assign_add(RNG.normal(scale=0.1, size=weight.shape))
    return model


def test_reading_in_pieces_with_a_cache_gives_the_same(model):
    whole = model((PICTURES, TARGET))
    state, logits = model.initial_state(2, PICTURES.astype("int32"), length=6), []
    for first, last in ((0, 1), (1, 4), (4, 5)):
        piece, state = model.step(TARGET[:, first:last], state)
        logits.append(piece)
    np.testing.assert_allclose(np.concatenate(logits, axis=1), whole, atol=2e-5)


def test_padding_changes_nothing(model):
    padded = np.pad(TARGET, ((0, 0), (0, 3)))
    np.testing.assert_allclose(np.asarray(model((PICTURES, padded)))[:, :5], model((PICTURES, TARGET)), atol=2e-5)


def test_a_later_token_changes_nothing_and_every_pixel_counts(model):
    logits = np.asarray(model((PICTURES, TARGET)))
    later = TARGET.copy()
    later[:, 3] = 9
    np.testing.assert_allclose(np.asarray(model((PICTURES, later)))[:, :3], logits[:, :3], atol=1e-5)
    for place in (0, 7):
        other = PICTURES.copy()
        other[:, place, place] = 255 - other[:, place, place]
        assert np.abs(np.asarray(model((other, TARGET)))[:, 0] - logits[:, 0]).max() > 1e-6


def test_it_looks_at_the_places_of_the_picture(model):
    _, maps = model((PICTURES, TARGET), return_weights=True)
    assert [[w.shape for w in weights] for weights in maps] == [[(2, 2, 5, 5), (2, 2, 5, 4)]] * 2
    np.testing.assert_allclose(np.sum(maps[-1][1], axis=-1), 1.0, rtol=1e-5)


def test_every_weight_gets_a_gradient(model, assert_every_weight_learns):
    assert_every_weight_learns(model, (PICTURES, TARGET))


def test_saved_and_loaded_it_gives_the_same(model, assert_saved_as_it_is):
    assert_saved_as_it_is(model, (PICTURES, TARGET))


def test_wrong_sizes_are_named(model):
    with pytest.raises(LmbookError, match="16, 16, 3"):
        model((np.zeros((1, 16, 16, 3), "uint8"), TARGET[:1]))
    with pytest.raises(LmbookError, match="11 tokens"):
        model((PICTURES, np.ones((2, 11), "int32")))
