"""The part of a block that works on each position by itself."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.dense import built_dense

ACTIVATIONS = {
    "relu": ops.relu,
    "gelu": lambda x: ops.gelu(x, approximate=True),  # as GPT-2 has it
    "exact_gelu": lambda x: ops.gelu(x, approximate=False),  # as BERT has it
    "squared_relu": lambda x: ops.square(ops.relu(x)),
    "swiglu": ops.silu,
}


@keras.saving.register_keras_serializable("lmbook")
class FeedForward(keras.layers.Layer):
    """Two layers with something non-linear between: x [B, T, D] -> [B, T, F] -> [B, T, D].

    Args:
        intermediate_dim: F.
        activation: "relu" (Vaswani et al. 2017), "gelu" (Hendrycks and Gimpel 2016; the tanh form) or "exact_gelu",
            "squared_relu" (So et al. 2021), or "swiglu" (Shazeer 2020): a second projection of the input is
            multiplied with silu of the first, so there are three matrices.
        use_bias: as it says.
        stddev: how far the weights spread at the start, see `built_dense`.
        output_stddev: the same of the layer that gives [B, T, D]; None: as the others.

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
        if activation not in ACTIVATIONS:
            raise LmbookError(f"activation={activation!r} is not known.", f"Choose one of {', '.join(ACTIVATIONS)}.")
        self.intermediate_dim, self.activation, self.use_bias = intermediate_dim, activation, use_bias
        self.stddev, self.output_stddev = stddev, output_stddev

    def build(self, input_shape):
        width = input_shape[-1]

        def dense(rows, units, name, stddev=self.stddev):
            return built_dense(rows, units, name, use_bias=self.use_bias, stddev=stddev, dtype=self.dtype_policy)

        self.inner = dense(width, self.intermediate_dim, "inner")
        self.gate = dense(width, self.intermediate_dim, "gate") if self.activation == "swiglu" else None
        last = self.stddev if self.output_stddev is None else self.output_stddev
        self.outer = dense(self.intermediate_dim, width, "outer", last)
        self.built = True

    def call(self, x):
        y = ACTIVATIONS[self.activation](self.inner(x))
        return self.outer(y if self.gate is None else y * self.gate(x))

    def get_config(self):
        names = ("intermediate_dim", "activation", "use_bias", "stddev", "output_stddev")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
