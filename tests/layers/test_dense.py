from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.layers.attention import MultiHeadAttention
from lmbook.layers.block import TransformerBlock
from lmbook.layers.dense import make_dense
from lmbook.layers.feed_forward import FeedForward


@pytest.mark.parametrize("stddev", [0.0, 0.02, 0.5])
def test_the_spread_of_a_start(stddev):
    keras.utils.set_random_seed(0)
    layer = make_dense(300, 200, "x", stddev=stddev)
    assert np.std(layer.kernel) == pytest.approx(stddev, rel=0.02) and not np.any(layer.bias)


def test_without_a_number_it_is_keras_own_start():
    keras.utils.set_random_seed(0)
    layer = make_dense(6, 4, "x", use_bias=False)
    keras.utils.set_random_seed(0)
    expected = keras.layers.Dense(4, use_bias=False)
    expected.build((None, 6))
    np.testing.assert_array_equal(layer.kernel, expected.kernel)
    assert len(layer.weights) == 1


def test_layers_start_as_they_are_told_and_say_so():
    keras.utils.set_random_seed(0)
    start = {"stddev": 0.1, "output_stddev": 0.0}
    attention, feed_forward = MultiHeadAttention(2, rotary_base=50.0, **start), FeedForward(100, "swiglu", **start)
    for layer, inner, outer in (
        (attention, ["query_projection", "key_projection", "value_projection"], "output_projection"),
        (feed_forward, ["inner", "gate"], "outer"),
    ):
        layer.build((None, None, 64))
        spread = [np.std(getattr(layer, name).kernel) for name in inner]
        assert spread == pytest.approx([0.1] * len(inner), rel=0.05)
        assert not np.any(getattr(layer, outer).kernel)
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config() and (again.stddev, again.output_stddev) == (0.1, 0.0)
    block = TransformerBlock(2, 100, rotary=True, rotary_base=50.0, **start)
    again = TransformerBlock.from_config(block.get_config())
    assert again.get_config() == block.get_config() and again.attention.rotary_base == 50.0
    assert again.feed_forward.output_stddev == 0.0
