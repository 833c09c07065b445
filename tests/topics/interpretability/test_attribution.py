from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.topics.interpretability.attribution import integrated_gradients, occlusion
from lmbook.topics.interpretability.residual import continue_from, residual_stream

X, BASELINE = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]]), np.zeros((3, 2))
WEIGHTS = np.array([[2.0, 0.0], [1.0, 1.0], [-4.0, 5.0]])


def linear(rows):
    return tf.reduce_sum(rows * tf.constant(WEIGHTS, "float32"), axis=[1, 2])


def product(rows):
    return rows[:, 0, 0] * rows[:, 1, 0]


def test_of_a_linear_function_both_give_its_terms():
    for values, difference in (
        integrated_gradients(linear, X, BASELINE, points=1),
        occlusion(linear, X, BASELINE),
    ):
        np.testing.assert_allclose(values, (X * WEIGHTS).sum(axis=1), rtol=1e-6)
        assert difference == pytest.approx(0.0 + (X * WEIGHTS).sum())


def test_a_product_is_shared_by_gradients_and_counted_twice_by_occlusion():
    shared = integrated_gradients(product, X, BASELINE, points=8, batch_size=3)
    np.testing.assert_allclose(shared.values, [1.5, 1.5, 0.0], rtol=1e-6)
    assert shared.completeness_error < 1e-6
    twice = occlusion(product, X, BASELINE)
    np.testing.assert_allclose(twice.values, [3.0, 3.0, 0.0])
    assert twice.completeness_error == pytest.approx(1.0)


def test_on_a_transformer_more_points_add_up_better(gpt):
    vectors = residual_stream(gpt, np.array([[2, 7, 1, 8, 3]]))[0, 0]
    baseline = np.repeat(vectors[:1], 5, axis=0)

    def log_probability(rows):
        return tf.nn.log_softmax(continue_from(gpt, rows))[:, -1, 4]

    errors = [integrated_gradients(log_probability, vectors, baseline, points=n).completeness_error for n in (2, 64)]
    assert errors[1] < 1e-3 and errors[1] < errors[0]


def test_what_does_not_fit_is_named():
    with pytest.raises(LmbookError, match=r"\[3, 2\] and the baseline \[2, 2\]"):
        integrated_gradients(linear, X, BASELINE[:2])
    with pytest.raises(LmbookError, match="points=0"):
        integrated_gradients(linear, X, BASELINE, points=0)
