from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.layers.embedding import TokenEmbedding

IDS = np.array([[3, 1, 4], [1, 5, 0]], "int32")
SEGMENTS = np.array([[0, 1, 1], [0, 0, 1]], "int32")


def make(**options):
    keras.utils.set_random_seed(0)
    layer = TokenEmbedding(7, 6, **options)
    layer.build((None, None))
    return layer


def test_it_adds_what_the_tables_say():
    layer = make(num_positions=5, num_segments=2)
    tokens, places, segments = (np.asarray(t.embeddings) for t in (layer.tokens, layer.places, layer.segments))
    np.testing.assert_allclose(layer(IDS), tokens[IDS] + places[:3] + segments[0], atol=1e-7)
    expected = tokens[IDS] + places[2:] + segments[SEGMENTS]
    np.testing.assert_allclose(layer(IDS, SEGMENTS, position=2), expected, atol=1e-7)


def test_without_tables_it_has_none():
    layer = make()
    assert [weight.shape for weight in layer.weights] == [(7, 6)]
    np.testing.assert_array_equal(layer(IDS), np.asarray(layer.tokens.embeddings)[IDS])


@pytest.mark.parametrize("normalization", ["layer", "rms"])
def test_the_sum_can_be_normalised(normalization):
    x = np.asarray(make(num_positions=5, normalization=normalization, epsilon=1e-9)(IDS))
    np.testing.assert_allclose(np.mean(x**2, axis=-1), 1.0, rtol=1e-3)
    assert np.allclose(x.mean(-1), 0.0, atol=1e-5) == (normalization == "layer")


def test_logits_are_products_with_the_table():
    layer, x = make(), np.random.default_rng(0).normal(size=(2, 3, 6)).astype("float32")
    np.testing.assert_allclose(layer.logits(x), x @ np.asarray(layer.tokens.embeddings).T, atol=1e-5)


def test_spread_dropout_and_configuration():
    layer = make(num_positions=5, num_segments=2, normalization="rms", dropout=0.5, stddev=0.3)
    zeros = np.mean(np.asarray(layer(np.tile(IDS, (50, 1)), training=True)) == 0)
    assert 0.4 < zeros < 0.6
    again = TokenEmbedding.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    big = TokenEmbedding(500, 50, stddev=0.3)
    big.build((None, None))
    assert np.std(big.tokens.embeddings) == pytest.approx(0.3, rel=0.02)
