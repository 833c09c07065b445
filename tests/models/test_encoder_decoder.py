from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.transformer import TransformerConfig

V = 13
SOURCE = np.array([[3, 1, 4, 1, 5, 9], [2, 6, 5, 0, 0, 0]], "int32")
TARGET = np.array([[2, 7, 1, 8, 2], [2, 3, 1, 4, 1]], "int32")
OPTIONS = [
    {"positions": "sinusoidal", "order": "post"},
    {"positions": "rotary", "order": "pre", "normalization": "rms", "shared_embeddings": False},
]


def make(options):
    keras.utils.set_random_seed(1)
    small = {"hidden_dim": 16, "intermediate_dim": 20, "num_heads": 4, "max_sequence_length": 10}
    model = EncoderDecoder(TransformerConfig(V, **small, **options))
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(scale=0.1, size=weight.shape))
    return model


@pytest.fixture(params=OPTIONS, ids=["paper", "modern"])
def model(request):
    return make(request.param)


def test_the_target_is_causal_and_the_source_is_seen_whole(model):
    logits = np.asarray(model((SOURCE, TARGET)))
    later = TARGET.copy()
    later[:, 3:] += 1
    changed = np.asarray(model((SOURCE, later)))
    np.testing.assert_allclose(changed[:, :3], logits[:, :3], atol=1e-5)
    source = SOURCE.copy()
    source[:, 2] = 12
    assert np.abs(np.asarray(model((source, TARGET)))[:, 0] - logits[:, 0]).max() > 1e-4


def test_padding_of_the_source_changes_nothing(model):
    logits = np.asarray(model((SOURCE, TARGET)))
    np.testing.assert_allclose(model((SOURCE[1:, :3], TARGET[1:])), logits[1:], atol=1e-5)
    padded = np.pad(SOURCE, ((0, 0), (0, 2)))
    np.testing.assert_allclose(model((padded, TARGET)), logits, atol=1e-5)


def test_reading_in_pieces_with_a_cache_gives_the_same(model):
    state, logits = model.initial_state(2, SOURCE), []
    for piece in (TARGET[:, :2], TARGET[:, 2:3], TARGET[:, 3:]):
        more, state = model.step(piece, state)
        logits.append(more)
    np.testing.assert_allclose(np.concatenate(logits, axis=1), model((SOURCE, TARGET)), atol=1e-5)


def test_saved_and_loaded_it_gives_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again((SOURCE, TARGET)), model((SOURCE, TARGET)))


def test_every_weight_gets_a_gradient_and_shared_tables_are_one(model):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(model((SOURCE, TARGET))))
    for weight, gradient in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
        assert gradient is not None and np.any(np.asarray(tf.convert_to_tensor(gradient))), weight.path
    tables = [weight for weight in model.trainable_variables if tuple(weight.shape) == (V, 16)]
    assert len(tables) == (1 if model.config.shared_embeddings else 2)


def test_the_weights_of_each_block_are_given_on_request(model):
    _, maps = model((SOURCE, TARGET), return_weights=True)
    assert [[w.shape for w in weights] for weights in maps] == [[(2, 4, 5, 5), (2, 4, 5, 6)]] * 2
    cross = np.asarray(maps[0][1])
    np.testing.assert_allclose(cross.sum(axis=-1), 1.0, rtol=1e-5)
    assert np.all(cross[1, :, :, 3:] == 0.0)  # no look at padding
