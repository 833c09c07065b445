from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.layers.feed_forward import ACTIVATIONS, FeedForward


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_equals_its_formula(activation):
    layer = FeedForward(6, activation)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    y = layer(x)
    inner = x @ np.asarray(layer.inner.kernel)
    hidden = {
        "relu": lambda z: np.maximum(z, 0),
        "gelu": lambda z: 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
        "exact_gelu": lambda z: 0.5 * z * (1 + np.vectorize(math.erf)(z / np.sqrt(2))),
        "squared_relu": lambda z: np.maximum(z, 0) ** 2,
        "swiglu": lambda z: z / (1 + np.exp(-z)) * (x @ np.asarray(layer.gate.kernel)),
    }[activation](inner)
    np.testing.assert_allclose(y, hidden @ np.asarray(layer.outer.kernel), atol=1e-5)


def test_configuration_and_unknown_names():
    layer = FeedForward(6, "swiglu", use_bias=False)
    assert FeedForward.from_config(layer.get_config()).get_config() == layer.get_config()
    layer.build((None, None, 4))
    assert layer.count_params() == 3 * 4 * 6
    assert layer.compute_output_shape((2, None, 4)) == (2, None, 4)
    for unknown in ("sine", None, 3):
        with pytest.raises(LmbookError, match=f"activation={unknown!r} is not known"):
            FeedForward(6, unknown)


@pytest.mark.parametrize("name", ["tanh", "leaky_relu", "silu", "hard_sigmoid"])
def test_any_activation_of_keras_can_be_named(name):
    layer = FeedForward(6, name, use_bias=False)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    y = layer(x)
    hidden = np.asarray(keras.activations.get(name)(x @ np.asarray(layer.inner.kernel)))
    np.testing.assert_allclose(y, hidden @ np.asarray(layer.outer.kernel), atol=1e-5)
    assert FeedForward.from_config(layer.get_config()).activation == name
