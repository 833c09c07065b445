"""How much each input contributes to an output: integrated gradients and occlusion."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError


class Attribution(NamedTuple):
    """How much each position of one text contributes to an output of a model.

    Attributes:
        values: float64 [T]; their sum should be the difference between the text and the baseline.
        difference: the model's number for the text, minus that for the baseline.
    """

    values: np.ndarray
    difference: float

    @property
    def completeness_error(self) -> float:
        """How far the sum of `values` is from `difference`, relative to it."""
        return abs(float(self.values.sum()) - self.difference) / abs(self.difference)


def integrated_gradients(
    function: Callable, x: np.ndarray, baseline: np.ndarray, *, points: int = 64, batch_size: int = 64
) -> Attribution:
    """Integrated gradients: the mean gradient on the straight line from baseline to text, times their difference.

    The integral is computed by Gauss and Legendre's rule. That the values add up to the difference (completeness) is
    a theorem about the integral; how nearly they do tells whether `points` are enough.

    Args:
        function: vectors [N, T, D] -> a number for each [N]; row n may depend on x[n] alone.
        x: the text's vectors [T, D].
        baseline: [T, D], vectors without information.
        points: of the line at which the gradient is computed.
        batch_size: of these at a time.

    Raises:
        LmbookError: the shapes differ, or points is less than 1.

    Reference:
        Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks", equation 1 and proposition 1.
    """
    x, baseline = _pair(x, baseline)
    if points < 1:
        raise LmbookError(f"points={points} is less than 1.", "Take 32 or more.")
    nodes, weights = np.polynomial.legendre.leggauss(points)
    places, weights = (nodes + 1) / 2, weights / 2  # from [-1, 1] to [0, 1]
    total = np.zeros(x.shape, "float64")
    for first in range(0, points, batch_size):
        part = slice(first, first + batch_size)
        line = tf.constant(baseline + places[part, None, None] * (x - baseline), "float32")
        with tf.GradientTape() as tape:
            tape.watch(line)
            value = tf.reduce_sum(function(line))
        total += np.tensordot(weights[part], tape.gradient(value, line).numpy(), axes=1)
    return Attribution((total * (x - baseline)).sum(axis=-1), _difference(function, x, baseline))


def occlusion(function: Callable, x: np.ndarray, baseline: np.ndarray) -> Attribution:
    """How much the output falls when each position in turn is replaced by the baseline's.

    The arguments as of `integrated_gradients`. The values need not add up to the difference: of two words that
    say the same, either makes up for the other.

    Reference:
        Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2.
    """
    x, baseline = _pair(x, baseline)
    rows = np.repeat(x[None], len(x), axis=0)
    rows[np.arange(len(x)), np.arange(len(x))] = baseline
    lost = _values(function, x[None])[0] - _values(function, rows)
    return Attribution(lost, _difference(function, x, baseline))


def _pair(x, baseline) -> tuple[np.ndarray, np.ndarray]:
    x, baseline = np.asarray(x, "float64"), np.asarray(baseline, "float64")
    if x.ndim != 2 or x.shape != baseline.shape:
        raise LmbookError(
            f"The text is {list(x.shape)} and the baseline {list(baseline.shape)}.", "Give [T, D] for both."
        )
    return x, baseline


def _values(function: Callable, rows: np.ndarray) -> np.ndarray:
    return np.asarray(function(tf.constant(rows, "float32")), "float64")


def _difference(function: Callable, x: np.ndarray, baseline: np.ndarray) -> float:
    ends = _values(function, np.stack([x, baseline]))
    return float(ends[0] - ends[1])
