from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.vision.captioner import Captioner
from lmbook.topics.vision.picture_attention import hide, look
from lmbook.topics.vision.picture_encoder import PictureTextConfig


def test_words_and_maps_are_those_of_the_model():
    keras.utils.set_random_seed(1)
    model = Captioner(PictureTextConfig(11, 8, 12, 2, 2, max_sequence_length=10, dropout=0.0, picture_size=12))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3)).astype("uint8")
    read = np.array([[2, 7, 1, 8], [2, 3, 1, 4]], "int32")
    tokens, maps = look(model, pictures, read)
    logits, weights = model((pictures, read), return_weights=True)
    np.testing.assert_array_equal(tokens, np.asarray(logits).argmax(axis=-1))
    assert maps.shape == (2, 4, 3, 3)
    np.testing.assert_allclose(maps.sum(axis=(2, 3)), 1.0, rtol=1e-5)
    np.testing.assert_allclose(maps[1, 2, 1, 2], np.asarray(weights[-1][1])[1, :, 2, 5].mean(), rtol=1e-5)


def test_only_the_square_and_what_is_near_it_is_hidden():
    pictures = np.full((3, 16, 16, 3), 7, "uint8")
    hidden = hide(pictures, np.array([5, 0, 15]), around=2)
    assert (pictures == 7).all()
    for found, rows in zip(hidden, (slice(2, 10), slice(0, 6), slice(10, 16)), strict=True):
        expected = np.full((16, 16, 3), 7)
        expected[rows, rows] = 128
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("place", [-1, 16])
def test_a_square_that_is_not_there_is_named(place):
    with pytest.raises(LmbookError, match=f"no square number {place}") as raised:
        hide(np.zeros((1, 16, 16, 3), "uint8"), np.array([place]))
    assert "0 to 15" in raised.value.fix
