"""Dense layers whose weights exist as soon as the layer does."""

from __future__ import annotations

import keras


def make_dense(
    rows: int, units: int, name: str, *, use_bias: bool = True, stddev: float | None = None, dtype=None
) -> keras.layers.Dense:
    """A dense layer [..., rows] -> [..., units] that is built already.

    Args:
        rows, units: the shape of its matrix.
        name: of the layer.
        use_bias: add a bias, 0 at the start.
        stddev: standard deviation of the matrix's initial values, drawn from a normal distribution around 0; 0.0: all
            zeros; None: Keras' default, uniform and wider for smaller matrices (Glorot and Bengio 2010).
        dtype: policy of the layer.
    """
    start = "glorot_uniform" if stddev is None else keras.initializers.RandomNormal(stddev=stddev)
    layer = keras.layers.Dense(units, use_bias=use_bias, kernel_initializer=start, name=name, dtype=dtype)
    layer.build((None, None, rows))
    return layer
