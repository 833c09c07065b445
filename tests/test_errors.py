from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError


def test_an_error_from_a_layer_keeps_its_fix():
    class Picky(keras.layers.Layer):
        def call(self, x):
            raise LmbookError("x is wrong.", "Give another.")

    with pytest.raises(LmbookError) as error:
        Picky()(np.zeros((1, 2)))
    assert (error.value.message, error.value.fix) == ("x is wrong.", "Give another.")
    assert str(error.value) == "x is wrong. Give another."
