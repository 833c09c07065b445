"""Padding is the id that the configuration names: with all ids renumbered, every model gives the same."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.bert import BERT, BERTClassifier, BERTConfig, BERTMaskedLM, BERTReader, BERTTagger
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.recurrent_classifier import RecurrentClassifier, RecurrentClassifierConfig
from lmbook.models.recurrent_encoder_decoder import RecurrentEncoderDecoder, RecurrentEncoderDecoderConfig
from lmbook.models.transformer import TransformerConfig, TransformerEncoder
from lmbook.topics.preferences.reward_model import RewardModel
from lmbook.topics.reading.story_reader import StoryReader, StoryReaderConfig
from lmbook.topics.vision.captioner import Captioner
from lmbook.topics.vision.contrastive import ContrastiveModel
from lmbook.topics.vision.picture_encoder import PictureTextConfig

V = 13  # no other axis of a weight or an output has this length
SIZES = {"hidden_dim": 8, "intermediate_dim": 12, "num_heads": 2, "num_layers": 1}
NEW = np.roll(np.arange(V), 5)  # id i becomes NEW[i]: padding 0 becomes 8, and 0 is a word
IDS = np.array([[2, 7, 1, 8, 2, 11], [2, 5, 9, 0, 0, 0]], "int32")
TARGET = np.array([[2, 3, 12, 4], [2, 6, 0, 0]], "int32")
PICTURES = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3)).astype("float32")
TEXT, PICTURE_TEXT = BERTConfig(V, **SIZES), PictureTextConfig(V, **SIZES, picture_size=8)
READER = StoryReaderConfig(V, 7, 3, **SIZES, mimetic=False)
KINDS = {
    "bert": (BERT, TEXT, (), IDS),
    "bert, masked": (BERTMaskedLM, TEXT, (), IDS),
    "bert, classes": (BERTClassifier, TEXT, (3, "mean"), IDS),
    "bert, answers": (BERTReader, TEXT, (), IDS),
    "bert, tags": (BERTTagger, TEXT, (3,), IDS),
    "encoder": (TransformerEncoder, TransformerConfig(V, **SIZES), (), IDS),
    "encoder-decoder": (EncoderDecoder, TransformerConfig(V, **SIZES), (), (IDS, TARGET)),
    "recurrent classes": (RecurrentClassifier, RecurrentClassifierConfig(V, 3, 8, 8), (), IDS),
    "recurrent translation": (RecurrentEncoderDecoder, RecurrentEncoderDecoderConfig(V, 8), (), (IDS, TARGET)),
    "reward": (RewardModel, GPTConfig(V, **SIZES), (), IDS),
    "stories": (StoryReader, READER, (), IDS.reshape(2, 2, 3)),
    "captions": (Captioner, PICTURE_TEXT, (), (PICTURES, TARGET)),
    "contrast": (ContrastiveModel, PICTURE_TEXT, (), (PICTURES, IDS)),
}


def renumbered(x):
    """The same texts in the other ids; pictures stay."""
    return NEW[x].astype("int32") if x.dtype.kind == "i" else x


def moved(values):
    """An array in whose axes of length V what was at i stands at NEW[i]."""
    for axis in (axis for axis, length in enumerate(np.shape(values)) if length == V):
        values = np.take(values, np.argsort(NEW), axis=axis)
    return values


@pytest.mark.parametrize(("kind", "config", "arguments", "inputs"), KINDS.values(), ids=KINDS)
def test_renumbered_ids_change_nothing(kind, config, arguments, inputs):
    keras.utils.set_random_seed(1)
    changes = {name: int(NEW[getattr(config, name)]) for name in ("pad_id", "question_id") if hasattr(config, name)}
    model, other = kind(config, *arguments), kind(dataclasses.replace(config, **changes), *arguments)
    rng = np.random.default_rng(1)  # some weights start at 0, and give 0
    for one, same in zip(model.weights, other.weights, strict=True):
        one.assign(one + rng.normal(scale=0.2, size=one.shape))
        same.assign(moved(np.asarray(one)))
    expected, given = np.asarray(model(inputs)), np.asarray(other(keras.tree.map_structure(renumbered, inputs)))
    np.testing.assert_allclose(given, moved(expected), atol=1e-5)
    wrong = kind(dataclasses.replace(config, **{**changes, "pad_id": 0}), *arguments)
    wrong.set_weights(other.get_weights())
    assert kind in (Captioner,) or np.abs(wrong(keras.tree.map_structure(renumbered, inputs)) - given).max() > 1e-4


@pytest.mark.parametrize("kind", ["bert", "encoder", "recurrent classes", "recurrent translation", "reward", "stories"])
@pytest.mark.parametrize("wrong", [-1, V, 2.0, True])
def test_padding_that_is_no_id_is_named(kind, wrong):
    _, config, *_ = KINDS[kind]
    with pytest.raises(LmbookError, match=f"pad_id={wrong!r} is not an id from 0 to 12.*"):
        dataclasses.replace(config, pad_id=wrong)


def test_a_gpt_reads_padding_at_the_end_as_any_other_token():
    model, same = GPT(GPTConfig(V, **SIZES)), GPT(GPTConfig(V, **SIZES, pad_id=8))
    same.set_weights(model.get_weights())
    np.testing.assert_array_equal(model(IDS), same(IDS))
