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
    taken, weights = attend(query, key, value, allowed, return_weights=True)
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1.0, rtol=1e-5)
    for b in range(2):
        for h in range(4):
            expected = brute_force(query[b, h], key[b, h // 2], value[b, h // 2], allowed[b])
            np.testing.assert_allclose(taken[b, h], expected, atol=1e-5)
            assert np.all(np.asarray(weights)[b, h][~allowed[b]] == 0.0)


def test_a_row_that_may_look_nowhere_stays_a_number():
    taken = attend(normal(1, 1, 2, 4), normal(1, 1, 3, 4), normal(1, 1, 3, 4), np.zeros((1, 2, 3), bool))
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
    layer = MultiHeadAttention(4, num_key_value_heads=2, rotary=True, qk_norm=True, smear_keys=smear_keys)
    x = normal(2, 6, 16)
    whole = layer(x, attention_mask=causal_mask(6))
    first, second = layer.project_kv(x[:, :4]), layer.project_kv(x[:, 4:], 4)
    key, value = (np.concatenate(parts, axis=2) for parts in zip(first, second, strict=True))
    rest = layer.attend_cached(x[:, 4:], key, value, causal_mask(2, 6, 4), 4)
    np.testing.assert_allclose(rest, whole[:, 4:], atol=1e-5)


def test_smeared_keys_are_mixed_with_the_ones_before():
    plain, smeared = MultiHeadAttention(2), MultiHeadAttention(2, smear_keys=True)
    x = normal(2, 5, 8)
    for layer in (plain, smeared):
        layer.build(x.shape)
    smeared.set_weights([np.array([0.0, 30.0], np.float32), *plain.get_weights()])  # shares 1/2 and 1
    query, (key, value) = plain._heads(plain.query_projection(x), 2), plain.project_kv(x)
    mixed = np.array(key)
    mixed[:, 0, 1:] = (mixed[:, 0, 1:] + mixed[:, 0, :-1]) / 2
    mixed[:, 0, 0] /= 2
    _, expected = attend(query, mixed, value, causal_mask(5), return_weights=True)
    _, weights = smeared(x, attention_mask=causal_mask(5), return_weights=True)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(5)), heads=st.sampled_from([1, 2, 4]))
def test_without_positions_order_means_nothing(order, heads):
    layer, x = MultiHeadAttention(heads), normal(1, 5, 8)
    np.testing.assert_allclose(layer(x[:, order]), np.asarray(layer(x))[:, order], atol=1e-5)


MASKS = {
    "none": None,
    "causal": np.asarray(causal_mask(5)),
    "padding": np.arange(5) < np.array([[5], [3]])[:, None],
    "both": np.asarray(causal_mask(5)) & (np.arange(5) < np.array([[5], [3]])[:, None]),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize("mask", MASKS)
def test_it_equals_keras_formula_with_and_without_weights(mask, groups, dtype):
    query, key, value = (keras.ops.cast(normal(2, count, 5, 8), dtype) for count in (4, groups, groups))
    mask = MASKS[mask]
    heads_last = [keras.ops.swapaxes(keras.ops.repeat(x, 4 // x.shape[1], axis=1), 1, 2) for x in (query, key, value)]
    wide = None if mask is None else np.broadcast_to(mask, (2, 5, 5))[:, None]
    expected = keras.ops.swapaxes(keras.ops.dot_product_attention(*heads_last, mask=wide), 1, 2)
    alone, (same, weights) = attend(query, key, value, mask), attend(query, key, value, mask, return_weights=True)
    assert keras.backend.standardize_dtype(alone.dtype) == dtype and weights.dtype == "float32"
    np.testing.assert_array_equal(as_float(alone), as_float(same))
    np.testing.assert_allclose(as_float(alone), as_float(expected), atol=1e-6 if dtype == "float32" else 1e-2)


def as_float(x):
    return np.asarray(keras.ops.cast(x, "float32"))


def test_a_layer_gives_the_same_with_its_weights_and_drops_some_in_training():
    keras.utils.set_random_seed(0)
    layer, x = MultiHeadAttention(2, dropout=0.5), normal(2, 5, 8)
    y, weights = layer(x, attention_mask=causal_mask(5), return_weights=True)
    np.testing.assert_array_equal(layer(x, attention_mask=causal_mask(5)), y)
    assert weights.shape == (2, 2, 5, 5)
    assert np.abs(np.asarray(layer(x, attention_mask=causal_mask(5), training=True) - y)).max() > 1e-3


def test_a_mask_that_keras_attaches_hides_keys():
    ids, vectors = np.array([[3, 1, 4, 0, 0], [2, 7, 1, 8, 2]]), keras.layers.Embedding(9, 8, mask_zero=True)
    layer = MultiHeadAttention(2)
    x = vectors(ids)
    expected = layer(np.asarray(x), attention_mask=(ids != 0)[:, None])
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)
    assert np.abs(np.asarray(layer(np.asarray(x)) - expected)).max() > 1e-3
    both = layer(np.asarray(x), attention_mask=causal_mask(5) & (ids != 0)[:, None])
    np.testing.assert_allclose(layer(x, attention_mask=causal_mask(5)), both, atol=1e-6)
    pooled = keras.layers.GlobalAveragePooling1D()(layer(x))  # the mask goes on to what follows
    np.testing.assert_allclose(pooled[0], np.asarray(expected)[0, :3].mean(axis=0), atol=1e-6)


def test_saved_and_loaded_in_a_model_it_gives_the_same(tmp_path):
    options = {"num_key_value_heads": 2, "head_dim": 4, "rotary": True, "qk_norm": True, "use_bias": False}
    x, memory = keras.Input((None, 10)), keras.Input((None, 6))
    layer = MultiHeadAttention(4, dropout=0.1, smear_keys=True, dtype="mixed_bfloat16", **options)
    y, weights = layer(x, memory=memory, return_weights=True)
    assert y.shape == (None, None, 10) and weights.shape == (None, 4, None, None) and weights.dtype == "float32"
    model, inputs = keras.Model([x, memory], [y, weights]), [normal(2, 3, 10), normal(2, 5, 6)]
    layer.smear.assign([1.0, -1.0])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(again(inputs), model(inputs), strict=True):
        np.testing.assert_array_equal(as_float(one), as_float(other))
    [loaded] = [one for one in again.layers if isinstance(one, MultiHeadAttention)]
    assert loaded.get_config() == layer.get_config() and loaded.query_projection.compute_dtype == "bfloat16"
    assert sum(int(np.prod(w.shape)) for w in layer.trainable_weights) == 16 * (10 + 10) + 2 * 8 * 6 + 2


def test_heads_that_do_not_divide_are_named():
    with pytest.raises(LmbookError, match="num_heads=4 .* num_key_value_heads=3"):
        MultiHeadAttention(4, num_key_value_heads=3)
    with pytest.raises(LmbookError, match="hidden_dim=10"):
        MultiHeadAttention(4).build((None, None, 10))
