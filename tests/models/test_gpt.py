"""Properties of GPT from GPT-2's choices to today's."""

from __future__ import annotations

import dataclasses
import functools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig

V, LENGTH = 13, 12
SMALL = {"vocabulary_size": V, "hidden_dim": 16, "intermediate_dim": 20, "num_heads": 4, "max_sequence_length": LENGTH}
OPTIONS = {
    "gpt2": {"num_layers": 2},
    "modern": {
        "num_layers": 2,
        "positions": "rotary",
        "normalization": "rms",
        "qk_norm": True,
        "normalize_embedding": True,
        "activation": "squared_relu",
        "num_key_value_heads": 2,
        "tie_embeddings": False,
        "logit_soft_cap": 5.0,
        "use_bias": False,
        "zero_projections": True,
        "stddev": None,
    },
    "llama": {
        "num_layers": 1,
        "positions": "rotary",
        "rotary_base": 100.0,
        "normalization": "rms",
        "activation": "swiglu",
        "num_key_value_heads": 1,
        "use_bias": False,
    },
    "smeared": {"num_layers": 2, "positions": "rotary", "num_key_value_heads": 2, "smear_keys": True},
}


def fresh(name, seed=1, **more):
    keras.utils.set_random_seed(seed)
    return GPT(GPTConfig(**{**SMALL, **OPTIONS[name], **more}))


@functools.cache
def make(name):
    """A model with weights that are not at their start, where much is zero."""
    model, rng = fresh(name), np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=0.2, size=weight.shape))
    return model


every_model = pytest.mark.parametrize("name", OPTIONS)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(list(OPTIONS)),
    text=st.lists(st.integers(1, V - 1), min_size=2, max_size=LENGTH),
    cut=st.integers(1, LENGTH - 1),
    change=st.integers(1, V - 2),
)
def test_a_later_token_changes_no_earlier_logit(name, text, cut, change):
    cut = min(cut, len(text) - 1)
    changed = text[:cut] + [1 + (token - 1 + change) % (V - 1) for token in text[cut:]]
    logits = np.asarray(make(name)(np.array([text, changed], "int32")))
    np.testing.assert_allclose(logits[0, :cut], logits[1, :cut], atol=1e-5)
    assert np.abs(logits[0, cut:] - logits[1, cut:]).max() > 1e-4


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(list(OPTIONS)),
    text=st.lists(st.integers(1, V - 1), min_size=2, max_size=LENGTH),
    pieces=st.lists(st.integers(1, 4), min_size=LENGTH, max_size=LENGTH),
)
def test_reading_in_pieces_with_a_cache_gives_the_same(name, text, pieces):
    model, ids = make(name), np.array([text, text[::-1]], "int32")
    state, logits, at = model.initial_state(2), [], 0
    for size in pieces:
        if at < len(text):
            piece, state = model.step(ids[:, at : at + size], state)
            logits.append(piece)
            at += size
    np.testing.assert_allclose(np.concatenate(logits, axis=1), model(ids), atol=2e-5)


@every_model
def test_padding_at_the_end_changes_nothing(name):
    ids = np.array([[3, 1, 4, 1, 5, 0, 0]], "int32")
    np.testing.assert_allclose(make(name)(ids)[:, :5], make(name)(ids[:, :5]), atol=1e-5)


def test_the_decoding_loop_writes_the_likeliest_tokens():
    for name in ("gpt2", "modern"):
        [ids] = generate(make(name), [[2, 5]], max_new_tokens=8, sampling=Sampling(temperature=0.0), suppress_ids=())
        text = np.array([[2, 5, *ids]], "int32")
        assert np.argmax(make(name)(text)[0, 1:-1], axis=-1).tolist() == ids


@every_model
def test_saved_and_loaded_it_gives_the_same(assert_saved_as_it_is, name):
    assert_saved_as_it_is(make(name), np.array([[3, 1, 4, 1, 5]], "int32"))


@every_model
def test_every_weight_gets_a_gradient(assert_every_weight_learns, name):
    assert_every_weight_learns(make(name), np.array([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]], "int32"))


@every_model
def test_bfloat16_stays_near_float32(name):
    ids = np.array([[3, 1, 4, 1, 5, 9, 2, 6]], "int32")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = fresh(name)
    finally:
        keras.config.set_dtype_policy(before)
    for a, b in zip(half.variables, make(name).variables, strict=True):
        a.assign(b)
    logits, expected = np.asarray(half(ids)), np.asarray(make(name)(ids))
    assert logits.dtype == np.float32
    assert np.abs(logits - expected).max() < 0.06 * np.abs(expected).max()
    stepped, _ = half.step(ids, half.initial_state(1))
    assert np.abs(np.asarray(stepped) - logits).max() < 0.06 * np.abs(expected).max()


@pytest.mark.parametrize(("layers", "stddev"), [(2, 0.02), (8, 0.1)])
def test_gpt2_starts_with_small_projections_into_the_residual(layers, stddev):
    model = fresh("gpt2", hidden_dim=64, intermediate_dim=64, num_layers=layers, stddev=stddev)
    for block in model.blocks:
        spread = {
            layer.name: np.std(layer.kernel) for layer in (block.attention.output_projection, block.feed_forward.outer)
        }
        assert spread == pytest.approx(dict.fromkeys(spread, stddev / (2 * layers) ** 0.5), rel=0.05)
        assert np.std(block.attention.query_projection.kernel) == pytest.approx(stddev, rel=0.05)
    assert np.std(model.embedding.tokens.embeddings) == pytest.approx(0.02, rel=0.1)


def test_zero_projections_start_as_the_identity():
    model, ids = fresh("modern"), np.array([[3, 1, 4]], "int32")
    x = model.embedding(ids)
    for block in model.blocks:
        np.testing.assert_array_equal(block(x), x)
    np.testing.assert_array_equal(model(ids), np.zeros((1, 3, V)))
    shared = fresh("modern", tie_embeddings=True)
    assert np.abs(np.asarray(shared(ids))).max() > 0


def test_the_soft_cap_bounds_the_logits():
    logits = np.asarray(make("modern")(np.array([[3, 1, 4]], "int32")))
    plain = GPT(dataclasses.replace(make("modern").config, logit_soft_cap=None))
    for a, b in zip(plain.variables, make("modern").variables, strict=True):
        a.assign(b)
    np.testing.assert_allclose(logits, 5 * np.tanh(np.asarray(plain(np.array([[3, 1, 4]], "int32"))) / 5), atol=1e-5)


def test_the_sizes_of_gpt2():
    """One block in GPT-2's width is made; with 12 of them there are 124,439,808 weights, as published."""
    few = GPT(GPTConfig(vocabulary_size=5, hidden_dim=768, intermediate_dim=3072, num_heads=12, num_layers=1))
    tokens, places = few.embedding.tokens.count_params() // 5, few.embedding.places.count_params() // 256
    block, norm = few.blocks[0].count_params(), few.norm.count_params()
    assert few.count_params() == 5 * tokens + 256 * places + block + norm
    assert 50_257 * tokens + 1024 * places + 12 * block + norm == 124_439_808


def test_without_bias_there_is_nothing_but_tables_matrices_and_gains():
    model = fresh("gpt2", use_bias=False)
    D, F, L = model.config.hidden_dim, model.config.intermediate_dim, model.config.num_layers
    assert model.count_params() == (V + LENGTH) * D + L * (4 * D * D + 2 * D * F + 2 * D) + D


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_dim": 18},
        {"num_layers": 0},
        {"positions": "sinusoidal"},
        {"normalization": "batch"},
        {"activation": "sine"},
        {"dropout": 1.0},
        {"logit_soft_cap": 0.0},
        {"max_sequence_length": 0},
    ],
)
def test_unusable_values_are_named(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(LmbookError, match=f"{name}={value!r}"):
        GPTConfig(**{**SMALL, **wrong})


def test_a_text_that_is_too_long_is_named():
    with pytest.raises(LmbookError, match="13 tokens is longer than max_sequence_length=12"):
        make("gpt2")(np.ones((1, 13), "int32"))
