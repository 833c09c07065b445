from __future__ import annotations

import math

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
    with pytest.raises(LmbookError, match="'tanh'"):
        FeedForward(6, "tanh")
