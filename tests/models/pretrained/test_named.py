from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.layers.dense import make_dense
from lmbook.models.pretrained.named import Named, assign, dense


def layers():
    keras.utils.set_random_seed(0)
    return [make_dense(2, units, name) for units, name in ((3, "a"), (1, "b"))]


def arrays(**changes):
    given = {"x.weight": np.arange(8.0).reshape(4, 2), "x.bias": np.arange(4.0, dtype="float16")}
    return {name: array for name, array in {**given, **changes}.items() if array is not None}


def test_layers_side_by_side_get_their_parts():
    a, b = layers()
    assign(dense("x", a, b), arrays(), "file", "a test")
    np.testing.assert_array_equal(a.kernel, np.arange(8.0).reshape(4, 2)[:3].T)
    np.testing.assert_array_equal(b.kernel, np.arange(8.0).reshape(4, 2)[3:].T)
    np.testing.assert_array_equal(a.bias, [0, 1, 2])
    np.testing.assert_array_equal(b.bias, [3])


def test_shapes_are_those_of_the_file():
    a, b = layers()
    assert [place.shape for place in dense("x", a, b)] == [(4, 2), (4,)]
    assert Named("x", (a.kernel, b.kernel)).shape == (2, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x.bias": None}, "file lacks x.bias"),
        ({"y.weight": np.zeros(2)}, "file holds what has no place in the model: y.weight"),
        ({f"y{i}": np.zeros(2) for i in range(5)}, "y0, y1, y2 and 2 more"),
        ({"x.weight": np.zeros((2, 4))}, r"x.weight has the shape \(2, 4\), not \(4, 2\)"),
        ({"x.bias": np.arange(4)}, "x.bias has the type int64"),
        ({"x.bias": np.array([0, 1, np.nan, 2])}, "x.bias holds values that are not finite"),
    ],
)
def test_nothing_is_assigned_when_something_is_wrong(changes, message):
    a, b = layers()
    before = [np.asarray(weight) for layer in (a, b) for weight in layer.weights]
    with pytest.raises(LmbookError, match=message) as caught:
        assign(dense("x", a, b), arrays(**changes), "file", "a test")
    assert caught.value.fix
    for weight, value in zip([w for layer in (a, b) for w in layer.weights], before, strict=True):
        np.testing.assert_array_equal(weight, value)
