"""What every model of the book must pass."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture
def assert_every_weight_learns():
    """Function of a model and what it reads: every trainable weight gets a gradient that is not 0.

    `but`: how the paths of weights end that rightly get none.
    """

    def check(model, inputs, *, but=(), **options):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(model(inputs, **options)))
        weights = model.trainable_variables
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            if not weight.path.endswith(tuple(but)):
                assert gradient is not None and np.any(np.asarray(tf.convert_to_tensor(gradient))), weight.path

    return check


@pytest.fixture
def assert_saved_as_it_is(tmp_path):
    """Function of a model and its arguments: saved and loaded it has the same configuration and gives the same."""

    def check(model, *arguments):
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
        assert again.config == model.config
        np.testing.assert_array_equal(again(*arguments), model(*arguments))

    return check
