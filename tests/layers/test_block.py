from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.layers.block import TransformerBlock

RNG = np.random.default_rng(0)
HEADS, INNER, WIDTH = 2, 12, 8


def normal(*shape, scale=1.0):
    return (scale * RNG.normal(size=shape)).astype("float32")


def same_weights(pairs):
    """Give our layers and theirs, (ours, theirs) by pairs, the same random weights; gives the pairs of weights."""
    weights = [
        pair for ours, theirs in pairs for pair in zip(ours.trainable_weights, theirs.trainable_weights, strict=True)
    ]
    for a, b in weights:
        value = normal(*a.shape, scale=0.4)
        a.assign(value)
        b.assign(value.reshape(b.shape))
    return weights


def attention_pairs(ours, theirs):
    return [
        (ours.query_projection, theirs.query_dense),
        (ours.key_projection, theirs.key_dense),
        (ours.value_projection, theirs.value_dense),
        (ours.output_projection, theirs.output_dense),
    ]


def compare(ours, theirs, inputs, weights):
    """Outputs within 1e-5, and the gradients of inputs and weights within 1e-5 of each one's largest."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        one, other = ours(*inputs), theirs(*inputs)
        losses = [tf.reduce_sum(tf.sin(y)) for y in (one, other)]
    np.testing.assert_allclose(one, other, atol=1e-5)
    one_side, other_side = ([pair[side] for pair in weights] for side in (0, 1))
    for a, b in zip(
        tape.gradient(losses[0], [*inputs, *one_side]), tape.gradient(losses[1], [*inputs, *other_side]), strict=True
    ):
        a, b = np.ravel(a), np.ravel(b)
        np.testing.assert_allclose(a, b, atol=1e-5 * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("first", [True, False])
def test_an_encoder_block_equals_keras_nlps(first):
    keras_nlp = pytest.importorskip("keras_nlp")
    ours = TransformerBlock(HEADS, INNER, normalize_first=first, activation="relu", epsilon=1e-5)
    theirs = keras_nlp.layers.TransformerEncoder(INNER, HEADS, layer_norm_epsilon=1e-5, normalize_first=first)
    x = tf.constant(normal(2, 5, WIDTH))
    real = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
    ours(x), theirs(x)
    weights = same_weights(
        [
            *attention_pairs(ours.attention, theirs._self_attention_layer),
            (ours.norms[0], theirs._self_attention_layer_norm),
            (ours.feed_forward.inner, theirs._feedforward_intermediate_dense),
            (ours.feed_forward.outer, theirs._feedforward_output_dense),
            (ours.norms[1], theirs._feedforward_layer_norm),
        ]
    )
    compare(lambda x: ours(x, padding_mask=real), lambda x: theirs(x, padding_mask=real), [x], weights)


@pytest.mark.parametrize("first", [True, False])
def test_a_decoder_block_equals_keras_nlps(first):
    keras_nlp = pytest.importorskip("keras_nlp")
    ours = TransformerBlock(HEADS, INNER, causal=True, cross_attention=True, normalize_first=first, epsilon=1e-5)
    theirs = keras_nlp.layers.TransformerDecoder(INNER, HEADS, layer_norm_epsilon=1e-5, normalize_first=first)
    x, memory = tf.constant(normal(2, 5, WIDTH)), tf.constant(normal(2, 7, WIDTH))
    real, real_memory = np.arange(5) < [[5], [3]], np.arange(7) < [[4], [7]]
    ours(x, memory=memory), theirs(x, memory)
    weights = same_weights(
        [
            *attention_pairs(ours.attention, theirs._self_attention_layer),
            (ours.norms[0], theirs._self_attention_layer_norm),
            *attention_pairs(ours.cross, theirs._cross_attention_layer),
            (ours.norms[1], theirs._cross_attention_layer_norm),
            (ours.feed_forward.inner, theirs._feedforward_intermediate_dense),
            (ours.feed_forward.outer, theirs._feedforward_output_dense),
            (ours.norms[2], theirs._feedforward_layer_norm),
        ]
    )
    compare(
        lambda x, memory: ours(x, padding_mask=real, memory=memory, memory_padding_mask=real_memory),
        lambda x, memory: theirs(x, memory, decoder_padding_mask=real, encoder_padding_mask=real_memory),
        [x, memory],
        weights,
    )


def test_padding_of_the_memory_changes_nothing():
    block = TransformerBlock(HEADS, INNER, causal=True, cross_attention=True, normalize_first=False)
    x, memory = normal(2, 3, WIDTH), normal(2, 6, WIDTH)
    real = np.arange(6) < [[4], [6]]
    alone = block(x[:1], memory=memory[:1, :4])
    np.testing.assert_allclose(block(x, memory=memory, memory_padding_mask=real)[:1], alone, atol=1e-5)


@pytest.mark.parametrize("first", [True, False])
def test_weights_on_request_change_nothing(first):
    block = TransformerBlock(4, INNER, cross_attention=True, num_key_value_heads=2, normalize_first=first)
    x, memory = normal(2, 3, WIDTH), normal(2, 5, WIDTH)
    y, weights = block(x, memory=memory, return_weights=True)
    assert [w.shape for w in weights] == [(2, 4, 3, 3), (2, 4, 3, 5)]
    np.testing.assert_array_equal(block(x, memory=memory), y)


@pytest.mark.parametrize("options", [{}, {"normalize_first": False}, {"normalization": "rms"}])
def test_masks_that_keras_attaches_are_honoured_and_handed_on(options):
    ids, places = np.array([[3, 1, 4, 0, 0], [2, 7, 1, 8, 2]]), keras.layers.Embedding(9, WIDTH, mask_zero=True)
    block = TransformerBlock(HEADS, INNER, cross_attention=True, **options)
    x, memory = places(ids), places(ids[:, ::-1])
    masks = {"padding_mask": ids != 0, "memory_padding_mask": ids[:, ::-1] != 0}
    expected = np.asarray(block(np.asarray(x), memory=np.asarray(memory), **masks))
    y = block(x, memory=memory)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    pooled = keras.layers.GlobalAveragePooling1D()(y)
    np.testing.assert_allclose(pooled[0], expected[0, :3].mean(axis=0), atol=1e-6)


def test_saved_and_loaded_in_a_model_it_gives_the_same(tmp_path):
    options = {"normalization": "rms", "activation": "tanh", "qk_norm": True, "rotary": True, "normalize_first": False}
    block = TransformerBlock(4, INNER, causal=True, cross_attention=True, num_key_value_heads=2, dropout=0.1, **options)
    x, memory = keras.Input((None, WIDTH)), keras.Input((None, WIDTH))
    y, weights = block(x, memory=memory, return_weights=True)
    assert y.shape == (None, None, WIDTH) and [w.shape for w in weights] == [(None, 4, None, None)] * 2
    model, inputs = keras.Model([x, memory], [y, *weights]), [normal(2, 3, WIDTH), normal(2, 5, WIDTH)]
    for weight in model.weights:
        weight.assign(weight + normal(*weight.shape, scale=0.1))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(again(inputs), model(inputs), strict=True):
        np.testing.assert_array_equal(one, other)
    [loaded] = [one for one in again.layers if isinstance(one, TransformerBlock)]
    assert loaded.get_config() == block.get_config()
    assert isinstance(loaded.norms[0], keras.layers.RMSNormalization)


@pytest.mark.parametrize("wrong", [{"normalization": "batch"}, {"activation": "sine"}])
def test_unknown_names_are_named(wrong):
    with pytest.raises(LmbookError, match=next(iter(wrong.values()))):
        TransformerBlock(HEADS, INNER, **wrong)
