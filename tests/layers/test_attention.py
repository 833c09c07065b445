from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.layers.attention import MultiHeadAttention, attend, causal_mask

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def brute_force(query, key, value, allowed):
    """One head: query [T, K], key and value [S, K], allowed [T, S]."""
    taken = np.zeros((len(query), value.shape[1]))
    for t, q in enumerate(query):
        scores = {s: float(q @ key[s]) / np.sqrt(len(q)) for s in range(len(key)) if allowed[t, s]}
        total = sum(np.exp(score) for score in scores.values())
        taken[t] = sum(np.exp(score) / total * value[s] for s, score in scores.items())
    return taken


def test_attention_equals_its_formula():
    query, key, value = normal(2, 4, 3, 5), normal(2, 2, 6, 5), normal(2, 2, 6, 5)
    allowed = RNG.random((2, 3, 6)) < 0.6
    allowed[:, :, 0] = True
    taken, weights = attend(query, key, value, allowed)
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1.0, rtol=1e-5)
    for b in range(2):
        for h in range(4):
            expected = brute_force(query[b, h], key[b, h // 2], value[b, h // 2], allowed[b])
            np.testing.assert_allclose(taken[b, h], expected, atol=1e-5)
            assert np.all(np.asarray(weights)[b, h][~allowed[b]] == 0.0)


def test_a_row_that_may_look_nowhere_stays_a_number():
    taken, _ = attend(normal(1, 1, 2, 4), normal(1, 1, 3, 4), normal(1, 1, 3, 4), np.zeros((1, 2, 3), bool))
    assert np.all(np.isfinite(taken))


def test_the_causal_mask():
    np.testing.assert_array_equal(causal_mask(3), np.tril(np.ones((3, 3), bool)))
    np.testing.assert_array_equal(causal_mask(2, 5, 2), [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]])


def pair(use_bias=True, cross=False):
    """Our layer and Keras' with the same weights."""
    ours, theirs = MultiHeadAttention(3, use_bias=use_bias), keras.layers.MultiHeadAttention(3, 4, use_bias=use_bias)
    ours.build((2, 5, 12), (2, 7, 12) if cross else None)
    theirs.build((2, 5, 12), (2, 7, 12) if cross else (2, 5, 12))
    for layer, part in (
        (ours.query_projection, theirs.query_dense),
        (ours.key_projection, theirs.key_dense),
        (ours.value_projection, theirs.value_dense),
        (ours.output_projection, theirs.output_dense),
    ):
        kernel = 0.3 * normal(*layer.kernel.shape)
        layer.kernel.assign(kernel)
        part.kernel.assign(kernel.reshape(part.kernel.shape))
        if use_bias:
            bias = normal(*layer.bias.shape)
            layer.bias.assign(bias)
            part.bias.assign(bias.reshape(part.bias.shape))
    return ours, theirs


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kind", ["causal", "padding", "cross"])
def test_it_equals_keras_layer_forward_and_backward(kind, use_bias):
    ours, theirs = pair(use_bias, kind == "cross")
    x, memory = tf.Variable(normal(2, 5, 12)), tf.Variable(normal(2, 7, 12))
    inputs, seen = ([memory], memory) if kind == "cross" else ([], x)
    mask = {
        "causal": np.broadcast_to(causal_mask(5), (2, 5, 5)),
        "padding": np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)[:, None, :],
        "cross": np.array([[1] * 7, [1] * 4 + [0] * 3], bool)[:, None, :],
    }[kind]
    with tf.GradientTape(persistent=True) as tape:
        y = ours(x, memory=None if kind != "cross" else memory, attention_mask=mask)
        expected = theirs(x, seen, attention_mask=mask)
        one, other = tf.reduce_sum(y**2), tf.reduce_sum(expected**2)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    for ours_gradient, theirs_gradient in zip(
        tape.gradient(one, [x, *inputs, *ours.trainable_weights]),
        tape.gradient(other, [x, *inputs, *theirs.trainable_weights]),
        strict=True,
    ):
        a, b = np.ravel(ours_gradient), np.ravel(theirs_gradient)
        np.testing.assert_allclose(a, b, atol=1e-5 * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("smear_keys", [False, True])
def test_kept_keys_and_values_give_the_same(smear_keys):
    layer = MultiHeadAttention(4, num_key_value_heads=2, rotary=True, normalize=True, smear_keys=smear_keys)
    x = normal(2, 6, 16)
    whole = layer(x, attention_mask=causal_mask(6))
    first, second = layer.keys_and_values(x[:, :4]), layer.keys_and_values(x[:, 4:], 4)
    key, value = (np.concatenate(parts, axis=2) for parts in zip(first, second, strict=True))
    rest = layer.look(x[:, 4:], key, value, causal_mask(2, 6, 4), 4)
    np.testing.assert_allclose(rest, whole[:, 4:], atol=1e-5)


def test_smeared_keys_are_mixed_with_the_ones_before():
    plain, smeared = MultiHeadAttention(2), MultiHeadAttention(2, smear_keys=True)
    x = normal(2, 5, 8)
    for layer in (plain, smeared):
        layer.build(x.shape)
    smeared.set_weights([np.array([0.0, 30.0], np.float32), *plain.get_weights()])  # shares 1/2 and 1
    query, (key, value) = plain._heads(plain.query_projection(x), 2), plain.keys_and_values(x)
    mixed = np.array(key)
    mixed[:, 0, 1:] = (mixed[:, 0, 1:] + mixed[:, 0, :-1]) / 2
    mixed[:, 0, 0] /= 2
    _, expected = attend(query, mixed, value, causal_mask(5))
    _, weights = smeared(x, attention_mask=causal_mask(5), return_weights=True)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(5)), heads=st.sampled_from([1, 2, 4]))
def test_without_positions_order_means_nothing(order, heads):
    layer, x = MultiHeadAttention(heads), normal(1, 5, 8)
    np.testing.assert_allclose(layer(x[:, order]), np.asarray(layer(x))[:, order], atol=1e-5)


def test_configuration_and_saving():
    layer = MultiHeadAttention(4, num_key_value_heads=2, head_dim=3, rotary=False, use_bias=False, dropout=0.1)
    layer.build((None, None, 10))
    assert MultiHeadAttention.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer(normal(1, 2, 10)).shape == (1, 2, 10)
    assert sum(int(np.prod(w.shape)) for w in layer.trainable_weights) == 10 * 3 * (4 + 2 + 2) + 12 * 10


def test_heads_that_do_not_divide_are_named():
    with pytest.raises(LmbookError, match="num_heads=4 .* num_key_value_heads=3"):
        MultiHeadAttention(4, num_key_value_heads=3)
    with pytest.raises(LmbookError, match="hidden_dim=10"):
        MultiHeadAttention(4).build((None, None, 10))
