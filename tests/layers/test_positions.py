from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.layers.positions import apply_rotary, sinusoidal


def test_sinusoidal_positions_are_the_papers():
    table = np.asarray(sinusoidal(np.arange(50), 8))
    for t in (0, 7, 49):
        for i in range(4):
            angle = t / 10_000 ** (2 * i / 8)
            assert table[t, i] == pytest.approx(np.sin(angle), abs=1e-5)
            assert table[t, 4 + i] == pytest.approx(np.cos(angle), abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99), distance=st.integers(0, 30), places=st.lists(st.integers(0, 200), min_size=2, max_size=4)
)
def test_a_rotated_product_depends_on_the_distance_alone(seed, distance, places):
    query, key = np.random.default_rng(seed).normal(size=(2, 1, 1, 1, 8)).astype("float32")
    products = [product(query, key, place + distance, place) for place in places]
    np.testing.assert_allclose(products, products[0], atol=2e-4)


def test_the_direction_of_a_distance_matters():
    query, key = np.random.default_rng(0).normal(size=(2, 1, 1, 1, 8)).astype("float32")
    assert abs(product(query, key, 5, 0) - product(query, key, 0, 5)) > 1e-3


def product(query, key, t, s):
    return float(np.sum(np.asarray(apply_rotary(query, [t])) * np.asarray(apply_rotary(key, [s]))))


def test_rotation_keeps_lengths_and_leaves_position_0():
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 6)).astype("float32")
    turned = np.asarray(apply_rotary(x, np.arange(4)))
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(turned[:, :, 0], x[:, :, 0], atol=1e-6)
