"""The feed-forward layers of a block: they work on each position separately."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.dense import make_dense

# Names of our own. "gelu" here is the tanh form of GPT-2; Keras' "gelu" is what is "exact_gelu" here.
ACTIVATIONS = {
    "relu": ops.relu,
    "gelu": lambda x: ops.gelu(x, approximate=True),
    "exact_gelu": lambda x: ops.gelu(x, approximate=False),  # as BERT has it
    "squared_relu": lambda x: ops.square(ops.relu(x)),
    "swiglu": ops.silu,  # of the gate; see `FeedForward`
}


def get_activation(name: str) -> Callable:
    """The function of this name: one of `ACTIVATIONS`, or else one of `keras.activations`.

    Raises:
        LmbookError: there is none.
    """
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    try:
        if isinstance(name, str):
            return keras.activations.get(name)
    except ValueError:
        pass
    known = f"{', '.join(ACTIVATIONS)}, or an activation of Keras, such as tanh"
    raise LmbookError(f"activation={name!r} is not known.", f"Choose one of {known}.")


@keras.saving.register_keras_serializable("lmbook")
class FeedForward(keras.layers.Layer):
    """Two dense layers with a nonlinearity between them: x [B, T, D] -> [B, T, F] -> [B, T, D].

    Args:
        intermediate_dim: F.
        activation: "relu" (Vaswani et al. 2017), "gelu" (Hendrycks and Gimpel 2016; the tanh form) or "exact_gelu",
            "squared_relu" (So et al. 2021), "swiglu" (Shazeer 2020: a second projection of the input is multiplied
            with silu of the first, so there are three matrices), or any other name of `keras.activations`.
        use_bias: add a bias in each dense layer.
        stddev: of the initial weights, see `make_dense`.
        output_stddev: the same for the layer that gives [B, T, D]; None: as `stddev`.

    Raises:
        LmbookError: the activation is not known.
    """

    def __init__(
        self,
        intermediate_dim: int,
        activation: str = "relu",
        use_bias: bool = True,
        *,
        stddev: float | None = None,
        output_stddev: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._activate = get_activation(activation)
        self.intermediate_dim, self.activation, self.use_bias = intermediate_dim, activation, use_bias
        self.stddev, self.output_stddev = stddev, output_stddev
        self.supports_masking = True

    def build(self, input_shape):
        width = input_shape[-1]

        def dense(rows, units, name, stddev=self.stddev):
            return make_dense(rows, units, name, use_bias=self.use_bias, stddev=stddev, dtype=self.dtype_policy)

        self.inner = dense(width, self.intermediate_dim, "inner")
        self.gate = dense(width, self.intermediate_dim, "gate") if self.activation == "swiglu" else None
        last = self.stddev if self.output_stddev is None else self.output_stddev
        self.outer = dense(self.intermediate_dim, width, "outer", last)
        self.built = True

    def call(self, x):
        y = self._activate(self.inner(x))
        return self.outer(y if self.gate is None else y * self.gate(x))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        names = ("intermediate_dim", "activation", "use_bias", "stddev", "output_stddev")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
