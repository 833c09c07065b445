"""Three recurrent cells written out, and the loop that lets one read a sequence.

They are for reading: `keras.layers.SimpleRNN`, `LSTM` and `GRU` compute the same, faster. Weights have Keras' shapes
and gate order, so that `cell.set_weights(layer.get_weights())` gives the same numbers.
"""

from __future__ import annotations

import keras
from keras import ops

from lmbook.errors import LmbookError


class _Cell(keras.layers.Layer):
    """The weights that all cells have: `gates` blocks of columns side by side, one for each gate.

    Args:
        hidden_dim: width U of the memory.
    """

    gates = 1  # blocks of U columns
    bias_rows = 1  # 2: one bias for the input, one for the memory

    def __init__(self, hidden_dim: int, **kwargs):
        super().__init__(**kwargs)
        if isinstance(hidden_dim, bool) or not isinstance(hidden_dim, int) or hidden_dim < 1:
            raise LmbookError(
                f"hidden_dim={hidden_dim!r} is not a whole number of at least 1.", "Choose for example 64."
            )
        self.hidden_dim = hidden_dim

    def build(self, input_shape):
        columns = self.gates * self.hidden_dim
        self.kernel = self.add_weight((input_shape[-1], columns), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight((self.hidden_dim, columns), "orthogonal", name="recurrent_kernel")
        shape = (columns,) if self.bias_rows == 1 else (self.bias_rows, columns)
        self.bias = self.add_weight(shape, "zeros", name="bias")

    def initial_state(self, batch_size: int) -> list:
        """The empty memory: a list of tensors [B, U], the first of which is the output."""
        return [ops.zeros((batch_size, self.hidden_dim))]

    def get_config(self):
        return {**super().get_config(), "hidden_dim": self.hidden_dim}


class RNNCell(_Cell):
    """h' = tanh(x W + h U + b): the memory is written over at every token.

    Call:
        x [B, E], state [h [B, U]] -> the new state.

    Reference:
        Elman 1990, "Finding structure in time".
    """

    def call(self, x, state):
        (h,) = state
        return [ops.tanh(x @ self.kernel + h @ self.recurrent_kernel + self.bias)]


class LSTMCell(_Cell):
    """A second memory c that is added to, not written over; gates in (0, 1) say what to write, to keep, to show.

    c' = f * c + i * tanh(…),  h' = o * tanh(c'). Keras orders the columns input i, forget f, candidate g, output o,
    and starts the forget gate's bias at 1.

    Call:
        x [B, E], state [h [B, U], c [B, U]] -> the new state.

    Reference:
        Hochreiter and Schmidhuber 1997, "Long short-term memory"; the forget gate is of Gers et al. 2000.
    """

    gates = 4

    def build(self, input_shape):
        super().build(input_shape)
        ones, zeros = ops.ones((self.hidden_dim,)), ops.zeros((self.hidden_dim,))
        self.bias.assign(ops.concatenate([zeros, ones, zeros, zeros]))

    def initial_state(self, batch_size: int) -> list:
        return 2 * super().initial_state(batch_size)

    def call(self, x, state):
        h, c = state
        i, f, g, o = ops.split(x @ self.kernel + h @ self.recurrent_kernel + self.bias, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return [ops.sigmoid(o) * ops.tanh(c), c]


class GRUCell(_Cell):
    """One memory; the update gate z mixes the old one with a candidate, the reset gate r lets the candidate forget.

    h' = z * h + (1 - z) * tanh(…). Keras orders the columns update z, reset r, candidate, and applies the reset gate
    after the multiplication with the recurrent weights (`reset_after=True`), which needs a bias of its own.

    Call:
        x [B, E], state [h [B, U]] -> the new state.

    Reference:
        Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder".
    """

    gates = 3
    bias_rows = 2

    def call(self, x, state):
        (h,) = state
        xz, xr, xg = ops.split(x @ self.kernel + self.bias[0], 3, axis=-1)
        hz, hr, hg = ops.split(h @ self.recurrent_kernel + self.bias[1], 3, axis=-1)
        z, r = ops.sigmoid(xz + hz), ops.sigmoid(xr + hr)
        return [z * h + (1 - z) * ops.tanh(xg + r * hg)]


def read_sequence(cell: _Cell, x, state: list | None = None):
    """Let `cell` read x [B, T, E] token by token, T known.

    Args:
        cell: one of the cells above.
        x: the vectors of the tokens.
        state: the memory before the first token; None is the empty one.

    Returns:
        (the output after each token [B, T, U], the memory after the last token).

    Raises:
        LmbookError: x has no tokens.
    """
    if not x.shape[1]:
        raise LmbookError(f"x has the shape {tuple(x.shape)}: T is 0 or unknown.", "Give [B, T, E], T >= 1.")
    if state is None:
        state = cell.initial_state(x.shape[0])
    outputs = []
    for t in range(x.shape[1]):
        state = cell(x[:, t], state)
        outputs.append(state[0])
    return ops.stack(outputs, axis=1), state
