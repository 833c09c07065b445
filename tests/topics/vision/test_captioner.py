from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.vision.captioner import Captioner, write_captions
from lmbook.topics.vision.picture_encoder import PictureTextConfig

SMALL = PictureTextConfig(11, 8, 12, 2, 2, max_sequence_length=10, dropout=0.0, normalize_first=True, picture_size=8)
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (2, 8, 8, 3)).astype("uint8")
TARGET = np.array([[2, 7, 1, 8, 2], [2, 3, 1, 4, 1]], "int32")
WORDS = WordTokenizer.train(["a red ball lies in the grass . two blue boxes lie near it ."])
BLACK_AND_WHITE = np.random.default_rng(0).integers(0, 2, (5, 8, 8, 3)).astype("uint8") * 255


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


@pytest.fixture(scope="module")
def writer():
    keras.utils.set_random_seed(3)
    shape = {"normalize_first": True, "dropout": 0.0, "max_sequence_length": 16, "picture_size": 8}
    model = Captioner(PictureTextConfig(WORDS.vocabulary_size, 8, 16, 2, 1, **shape))
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=1.0, size=weight.shape))
    return model


def without_cache(model, picture, length):
    """The same by the whole model, again for each token."""
    ids = [WORDS.end_id]
    for _ in range(length):
        logits = np.array(model((picture[None], np.array([ids], "int32"))))[0, -1]
        logits[list(WORDS.suppress_ids)] = -np.inf
        ids.append(int(logits.argmax()))
        if ids[-1] == WORDS.end_id:
            break
    return WORDS.decode(ids)


def test_captions_are_the_likeliest_tokens_one_by_one(writer):
    found = write_captions(writer, WORDS, BLACK_AND_WHITE, max_new_tokens=8, batch_size=2)
    assert found == [without_cache(writer, picture, 8) for picture in BLACK_AND_WHITE]
    assert len(set(found)) > 1


def test_a_caption_does_not_depend_on_the_others(writer):
    found = write_captions(writer, WORDS, BLACK_AND_WHITE, max_new_tokens=8, batch_size=2)
    assert write_captions(writer, WORDS, BLACK_AND_WHITE[3:4], max_new_tokens=8, batch_size=2) == found[3:4]


def test_pictures_of_another_size_are_named(writer):
    with pytest.raises(LmbookError, match="^Pictures of the shape .16, 16, 3."):
        write_captions(writer, WORDS, np.zeros((2, 16, 16, 3), "uint8"), max_new_tokens=4, batch_size=2)
