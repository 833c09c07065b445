"""A matrix that is there at once."""

from __future__ import annotations

import keras


def built_dense(
    rows: int, units: int, name: str, *, use_bias: bool = True, stddev: float | None = None, dtype=None
) -> keras.layers.Dense:
    """Dense layer [..., rows] -> [..., units] with its weights made.

    Args:
        rows, units: the shape of its matrix.
        name: of the layer.
        use_bias: it has a bias, 0 at the start.
        stddev: the matrix starts normally distributed around 0 with this standard deviation; 0.0: as zeros; None:
            uniformly, wider for smaller matrices (Glorot and Bengio 2010), as Keras has it.
        dtype: policy of the layer.
    """
    start = "glorot_uniform" if stddev is None else keras.initializers.RandomNormal(stddev=stddev)
    layer = keras.layers.Dense(units, use_bias=use_bias, kernel_initializer=start, name=name, dtype=dtype)
    layer.build((None, None, rows))
    return layer
