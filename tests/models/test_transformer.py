"""Properties of the encoder alone and of the decoder alone, over all their options."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.models.transformer import POSITIONS, TransformerConfig, TransformerEncoder, TransformerLanguageModel

V, LENGTH = 13, 12
SMALL = {"vocabulary_size": V, "hidden_dim": 16, "intermediate_dim": 20, "num_heads": 4, "max_sequence_length": LENGTH}
OPTIONS = [
    {"positions": "sinusoidal", "normalize_first": False},
    {"positions": "learned", "normalize_first": True, "activation": "gelu"},
    {
        "positions": "rotary",
        "normalize_first": True,
        "normalization": "rms",
        "activation": "swiglu",
        "num_key_value_heads": 2,
        "use_bias": False,
    },
    {"positions": "none", "normalize_first": True, "activation": "squared_relu", "num_key_value_heads": 1},
]


def make(kind, options, seed=1):
    """A model with weights that are not at their start, where much is zero."""
    keras.utils.set_random_seed(seed)
    model = kind(TransformerConfig(**{**SMALL, **options}))
    rng = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=0.1, size=weight.shape))
    return model


@functools.cache
def shared(kind, which):
    """One of the models with `OPTIONS`, made once; and its call, traced once for texts of any length."""
    model = make(kind, OPTIONS[which])
    return model, tf.function(model, input_signature=[tf.TensorSpec([None, None], tf.int32)])


TEXTS = st.lists(st.integers(1, V - 1), min_size=2, max_size=LENGTH)


@settings(max_examples=25, deadline=None)
@given(text=TEXTS, cut=st.integers(1, LENGTH - 1), which=st.integers(0, len(OPTIONS) - 1), change=st.integers(1, 11))
def test_a_later_token_changes_no_earlier_logit(text, cut, which, change):
    cut = min(cut, len(text) - 1)
    changed = text[:cut] + [1 + (token - 1 + change) % (V - 1) for token in text[cut:]]
    logits = np.asarray(shared(TransformerLanguageModel, which)[1](np.array([text, changed], "int32")))
    np.testing.assert_allclose(logits[0, :cut], logits[1, :cut], atol=1e-5)
    assert np.abs(logits[0, cut:] - logits[1, cut:]).max() > 1e-4


@settings(max_examples=25, deadline=None)
@given(text=TEXTS, padding=st.integers(1, 4), which=st.integers(0, len(OPTIONS) - 1))
def test_padding_changes_nothing(text, padding, which):
    text = text[: LENGTH - padding]
    padded = np.array([text + [0] * padding], "int32")
    alone = np.array([text], "int32")
    for kind in (TransformerLanguageModel, TransformerEncoder):
        _, call = shared(kind, which)
        np.testing.assert_allclose(np.asarray(call(padded))[:, : len(text)], call(alone), atol=2e-5)


@settings(max_examples=25, deadline=None)
@given(
    text=TEXTS,
    pieces=st.lists(st.integers(1, 4), min_size=LENGTH),
    which=st.integers(0, len(OPTIONS) - 1),
    spare=st.sampled_from([None, 0, 3]),
)
def test_reading_in_pieces_with_a_cache_gives_the_same(text, pieces, which, spare):
    """Also when the cache has room for the text alone."""
    (model, call), ids = shared(TransformerLanguageModel, which), np.array([text, text[::-1]], "int32")
    state, logits, at = model.initial_state(2, length=None if spare is None else len(text) + spare), [], 0
    for size in pieces:
        if at < len(text):
            piece, state = model.step(ids[:, at : at + size], state)
            logits.append(piece)
            at += size
    np.testing.assert_allclose(np.concatenate(logits, axis=1), call(ids), atol=2e-5)


@settings(max_examples=10, deadline=None)
@given(text=st.permutations(range(1, V)))
def test_without_positions_an_encoder_reads_a_bag(text):
    _, call = shared(TransformerEncoder, [options["positions"] for options in OPTIONS].index("none"))
    ids, order = np.array([text], "int32"), np.argsort(text)
    np.testing.assert_allclose(np.asarray(call(ids))[:, order], call(np.sort(ids)), atol=2e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options["positions"])
def test_saved_and_loaded_it_gives_the_same(assert_saved_as_it_is, options):
    for kind in (TransformerLanguageModel, TransformerEncoder):
        assert_saved_as_it_is(make(kind, options), np.array([[3, 1, 4, 1, 5]], "int32"))


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options["positions"])
def test_every_weight_gets_a_gradient(assert_every_weight_learns, options):
    assert_every_weight_learns(make(TransformerLanguageModel, options), np.array([[3, 1, 4, 1, 5, 9]], "int32"))


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options["positions"])
def test_bfloat16_stays_near_float32(options):
    ids = np.array([[3, 1, 4, 1, 5, 9, 2, 6]], "int32")
    whole = make(TransformerLanguageModel, options)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = make(TransformerLanguageModel, options)
    finally:
        keras.config.set_dtype_policy(before)
    for a, b in zip(half.variables, whole.variables, strict=True):
        a.assign(b)
    logits, expected = np.asarray(half(ids)), np.asarray(whole(ids))
    assert logits.dtype == np.float32
    assert np.abs(logits - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize("positions", POSITIONS)
def test_positions_make_order_matter(positions):
    model = make(TransformerEncoder, {"positions": positions, "normalize_first": True})
    ids = np.array([[1, 2, 3, 4]], "int32")
    moved = np.abs(np.asarray(model(ids))[:, ::-1] - np.asarray(model(ids[:, ::-1]))).max()
    assert (moved > 1e-3) == (positions != "none")


@pytest.mark.parametrize(
    "wrong",
    [{"hidden_dim": 18}, {"num_layers": 0}, {"positions": "absolute"}, {"dropout": 1.0}, {"vocabulary_size": 2.5}],
)
def test_unusable_sizes_are_named(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(LmbookError, match=f"{name}={value!r}"):
        TransformerConfig(**{**SMALL, **wrong})


def test_a_text_that_is_too_long_is_named():
    with pytest.raises(LmbookError, match="13 tokens is longer than max_sequence_length=12"):
        make(TransformerLanguageModel, {})(np.ones((1, 13), "int32"))
