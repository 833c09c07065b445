from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.transformer import TransformerConfig

V = 13
SOURCE = np.array([[3, 1, 4, 1, 5, 9], [2, 6, 5, 0, 0, 0]], "int32")
TARGET = np.array([[2, 7, 1, 8, 2], [2, 3, 1, 4, 1]], "int32")
OPTIONS = [
    {"positions": "sinusoidal", "normalize_first": False},
    {"positions": "rotary", "normalize_first": True, "normalization": "rms", "tie_embeddings": False},
]


def make(options):
    keras.utils.set_random_seed(1)
    small = {"hidden_dim": 16, "intermediate_dim": 20, "num_heads": 4, "max_sequence_length": 10}
    model = EncoderDecoder(TransformerConfig(V, **small, **options))
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=0.1, size=weight.shape))
    return model


@functools.cache
def shared(which):
    """(one of the models, its call traced once for texts of any length)."""
    model, ids = make(OPTIONS[which]), tf.TensorSpec([None, None], tf.int32)
    return model, tf.function(model, input_signature=[(ids, ids)])


SOURCES = st.lists(st.integers(1, V - 1), min_size=2, max_size=7)
TARGETS = st.lists(st.integers(1, V - 1), min_size=2, max_size=8)


@pytest.fixture(params=[0, 1], ids=["paper", "modern"])
def model(request):
    return shared(request.param)[0]


@settings(max_examples=20, deadline=None)
@given(source=SOURCES, target=TARGETS, cut=st.integers(1, 7), change=st.integers(1, V - 2), which=st.integers(0, 1))
def test_the_target_is_causal_and_the_source_is_seen_whole(source, target, cut, change, which):
    cut = min(cut, len(target) - 1)
    other = [1 + (token - 1 + change) % (V - 1) for token in target[cut:]]
    sources = [source, source, [*source[:-1], 1 + source[-1] % (V - 1)]]
    targets = [target, target[:cut] + other, target]
    logits = np.asarray(shared(which)[1]((np.array(sources, "int32"), np.array(targets, "int32"))))
    np.testing.assert_allclose(logits[1, :cut], logits[0, :cut], atol=1e-5)
    assert np.abs(logits[1, cut:] - logits[0, cut:]).max() > 1e-4
    assert np.abs(logits[2, 0] - logits[0, 0]).max() > 1e-6


@settings(max_examples=20, deadline=None)
@given(source=SOURCES, target=TARGETS, padding=st.integers(1, 3), more=st.integers(1, 2), which=st.integers(0, 1))
def test_padding_changes_nothing(source, target, padding, more, which):
    _, call = shared(which)
    alone = call((np.array([source], "int32"), np.array([target], "int32")))
    padded = np.array([source + [0] * padding], "int32"), np.array([target + [0] * more], "int32")
    np.testing.assert_allclose(np.asarray(call(padded))[:, : len(target)], alone, atol=2e-5)


@settings(max_examples=20, deadline=None)
@given(source=SOURCES, target=TARGETS, pieces=st.lists(st.integers(1, 4), min_size=8), which=st.integers(0, 1))
def test_reading_in_pieces_with_a_cache_gives_the_same(source, target, pieces, which):
    (model, call), sources = shared(which), np.array([source + [0], [*source, 3]], "int32")
    targets = np.array([target, target[::-1]], "int32")
    state, logits, at = model.initial_state(2, sources, length=len(target) if which else None), [], 0
    for size in pieces:
        if at < len(target):
            piece, state = model.step(targets[:, at : at + size], state)
            logits.append(piece)
            at += size
    np.testing.assert_allclose(np.concatenate(logits, axis=1), call((sources, targets)), atol=2e-5)


def test_saved_and_loaded_it_gives_the_same(model, assert_saved_as_it_is):
    assert_saved_as_it_is(model, (SOURCE, TARGET))


def test_every_weight_gets_a_gradient_and_shared_tables_are_one(model, assert_every_weight_learns):
    assert_every_weight_learns(model, (SOURCE, TARGET))
    tables = [weight for weight in model.trainable_variables if tuple(weight.shape) == (V, 16)]
    assert len(tables) == (1 if model.config.tie_embeddings else 2)


def test_the_weights_of_each_block_are_given_on_request(model):
    _, maps = model((SOURCE, TARGET), return_weights=True)
    assert [[w.shape for w in weights] for weights in maps] == [[(2, 4, 5, 5), (2, 4, 5, 6)]] * 2
    cross = np.asarray(maps[0][1])
    np.testing.assert_allclose(cross.sum(axis=-1), 1.0, rtol=1e-5)
    assert np.all(cross[1, :, :, 3:] == 0.0)  # no look at padding
