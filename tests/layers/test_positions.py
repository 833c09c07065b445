from __future__ import annotations

import numpy as np
import pytest

from lmbook.layers.positions import rotate, sinusoidal


def test_sinusoidal_positions_are_the_papers():
    table = np.asarray(sinusoidal(np.arange(50), 8))
    for t in (0, 7, 49):
        for i in range(4):
            angle = t / 10_000 ** (2 * i / 8)
            assert table[t, i] == pytest.approx(np.sin(angle), abs=1e-5)
            assert table[t, 4 + i] == pytest.approx(np.cos(angle), abs=1e-5)


def test_a_rotated_product_depends_on_the_distance_alone():
    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(2, 1, 1, 1, 8)).astype("float32")

    def product(t, s):
        return float(np.sum(np.asarray(rotate(query, [t])) * np.asarray(rotate(key, [s]))))

    for distance in (0, 1, 5):
        products = [product(t + distance, t) for t in (0, 3, 100)]
        np.testing.assert_allclose(products, products[0], atol=1e-4)
    assert abs(product(5, 0) - product(0, 5)) > 1e-3  # the direction matters


def test_rotation_keeps_lengths_and_leaves_position_0():
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 6)).astype("float32")
    turned = np.asarray(rotate(x, np.arange(4)))
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(turned[:, :, 0], x[:, :, 0], atol=1e-6)
