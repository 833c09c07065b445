from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.layers.recurrent_cells import GRUCell, LSTMCell, RNNCell, read_sequence

CELLS = {RNNCell: keras.layers.SimpleRNN, LSTMCell: keras.layers.LSTM, GRUCell: keras.layers.GRU}
each = pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)


def pair(kind, hidden_dim=8, width=5):
    """Our cell and Keras' layer with the same random weights, biases included."""
    keras.utils.set_random_seed(0)
    layer = CELLS[kind](hidden_dim, return_sequences=True, return_state=True)
    layer.build((None, None, width))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.weights])
    cell = kind(hidden_dim)
    cell.build((None, width))
    cell.set_weights(layer.get_weights())
    return cell, layer


def inputs(batch=3, length=12, width=5):
    return tf.constant(np.random.default_rng(2).normal(size=(batch, length, width)), tf.float32)


@each
def test_forward_equals_keras(kind):
    cell, layer = pair(kind)
    outputs, state = read_sequence(cell, inputs())
    expected, *expected_state = layer(inputs())
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)
    for ours, theirs in zip(state, expected_state, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@each
def test_gradients_equal_keras(kind):
    cell, layer = pair(kind)
    x, direction = inputs(), tf.constant(np.random.default_rng(3).normal(size=(3, 12, 8)), tf.float32)

    def gradients(run, weights):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_mean(run(x) * direction)
        return tape.gradient(loss, [x, *weights])

    ours = gradients(lambda x: read_sequence(cell, x)[0], cell.trainable_variables)
    theirs = gradients(lambda x: layer(x)[0], layer.trainable_variables)
    for a, b in zip(ours, theirs, strict=True):
        assert float(tf.reduce_max(tf.abs(b))) > 1e-3
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


@each
def test_a_fresh_cell_starts_like_keras(kind):
    """Same shapes and the same biases (the LSTM's forget gate starts at 1)."""
    cell, layer = kind(6), CELLS[kind](6)
    cell.build((None, 4))
    layer.build((None, None, 4))
    assert [w.shape for w in cell.get_weights()] == [w.shape for w in layer.get_weights()]
    np.testing.assert_array_equal(cell.bias, layer.cell.bias)
    for kernel in np.split(cell.recurrent_kernel.numpy(), cell.gates, axis=1)[:1]:
        assert np.linalg.norm(kernel) <= np.sqrt(6) + 1e-5


@each
def test_reading_in_pieces_equals_reading_at_once(kind):
    cell, _ = pair(kind)
    x = inputs()
    whole, last = read_sequence(cell, x)
    first, state = read_sequence(cell, x[:, :7])
    second, state = read_sequence(cell, x[:, 7:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-6)
    np.testing.assert_allclose(state[0], last[0], atol=1e-6)


@each
def test_a_cell_fits_on_a_screen(kind):
    """The class without its docstring."""
    lines = inspect.getsource(kind).splitlines()
    assert len(lines) - len(kind.__doc__.splitlines()) <= 30


def test_what_cannot_be_used_is_named():
    for wrong in (0, 2.5, True):
        with pytest.raises(LmbookError, match="hidden_dim"):
            RNNCell(wrong)
    with pytest.raises(LmbookError, match="T"):
        read_sequence(RNNCell(3), tf.zeros((2, 0, 4)))
