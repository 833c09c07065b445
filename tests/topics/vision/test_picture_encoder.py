from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.vision.picture_encoder import PictureEncoder, PictureTextConfig

RNG = np.random.default_rng(0)


def make(size=16):
    keras.utils.set_random_seed(0)
    encoder = PictureEncoder(size, 8)
    encoder.build(None)
    return encoder


def test_each_vector_sees_its_surroundings_and_no_more():
    encoder, pictures = make(32), RNG.integers(0, 256, (1, 32, 32, 3)).astype("uint8")
    before = np.asarray(encoder(pictures)).reshape(8, 8, 8)
    assert before.shape[:2] == (8, 8)
    changed = pictures.copy()
    changed[0, 13, 13] = 255 - changed[0, 13, 13]
    moved = np.abs(np.asarray(encoder(changed)).reshape(8, 8, 8) - before).max(axis=-1) > 1e-5
    rows, columns = np.nonzero(moved)
    assert moved[3, 3]
    assert min(*rows, *columns) >= 1 and max(*rows, *columns) <= 5


def test_places_can_be_told_apart_in_a_picture_of_one_colour():
    vectors = np.asarray(make()(np.full((1, 16, 16, 3), 100, "uint8")))[0]
    assert len(np.unique(vectors.round(6), axis=0)) == 16


def test_bytes_and_numbers_are_the_same():
    pictures = RNG.integers(0, 256, (2, 16, 16, 3))
    encoder = make()
    for kind in ("uint8", "int32", "float32"):
        np.testing.assert_allclose(encoder(pictures.astype(kind)), encoder(pictures.astype("uint8")), atol=1e-6)


def test_configuration():
    encoder = make()
    assert PictureEncoder.from_config(encoder.get_config()).get_config() == encoder.get_config()
    assert PictureTextConfig(5, picture_size=24).positions_of_picture == 36


@pytest.mark.parametrize("shape", [(1, 16, 20, 3), (1, 16, 16, 1), (1, 8, 8, 3), (16, 16, 3)])
def test_a_picture_of_another_size_is_named(shape):
    encoder = make()
    with pytest.raises(LmbookError, match="not .16, 16, 3.") as raised:
        encoder.check(shape)
    assert "Scale them to 16 x 16" in raised.value.fix
    with pytest.raises(LmbookError, match="not .16, 16, 3."):
        encoder(np.zeros(shape, "uint8"))


@pytest.mark.parametrize("size", [0, 30, 2.5])
def test_a_picture_size_that_cannot_be_is_named(size):
    with pytest.raises(LmbookError, match=f"picture_size={size}"):
        PictureTextConfig(5, picture_size=size)
