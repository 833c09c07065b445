from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.vision.captioner import Captioner
from lmbook.topics.vision.picture_encoder import PictureTextConfig
from lmbook.topics.vision.write_captions import write_captions

WORDS = WordTokenizer.train(["a red ball lies in the grass . two blue boxes lie near it ."])
PICTURES = np.random.default_rng(0).integers(0, 2, (5, 8, 8, 3)).astype("uint8") * 255


@pytest.fixture(scope="module")
def model():
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
        logits[list(WORDS.never_ids)] = -np.inf
        ids.append(int(logits.argmax()))
        if ids[-1] == WORDS.end_id:
            break
    return WORDS.decode(ids)


def test_captions_are_the_likeliest_tokens_one_by_one(model):
    found = write_captions(model, WORDS, PICTURES, length=8, batch_size=2)
    assert found == [without_cache(model, picture, 8) for picture in PICTURES]
    assert len(set(found)) > 1


def test_a_caption_does_not_depend_on_the_others(model):
    found = write_captions(model, WORDS, PICTURES, length=8, batch_size=2)
    assert write_captions(model, WORDS, PICTURES[3:4], length=8, batch_size=2) == found[3:4]


def test_pictures_of_another_size_are_named(model):
    with pytest.raises(LmbookError, match="^Pictures of the shape .16, 16, 3."):
        write_captions(model, WORDS, np.zeros((2, 16, 16, 3), "uint8"), length=4, batch_size=2)
