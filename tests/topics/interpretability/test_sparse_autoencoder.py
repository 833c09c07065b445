from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.interpretability.sparse_autoencoder import SparseAutoencoder, train_sparse_autoencoder


def test_a_vector_uses_no_more_features_than_allowed():
    keras.utils.set_random_seed(0)
    model = SparseAutoencoder(6, 20, active=3)
    found = np.asarray(model.encode(np.random.default_rng(0).normal(size=(50, 6)).astype("float32")))
    assert found.shape == (50, 20) and np.all(found >= 0) and np.all((found > 0).sum(axis=1) <= 3)
    np.testing.assert_allclose(np.linalg.norm(model.decoder.numpy(), axis=1), 1.0, rtol=1e-5)
    with pytest.raises(LmbookError, match="active=30 of 20"):
        SparseAutoencoder(6, 20, active=30)


def test_directions_that_made_the_data_are_found():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(12, 10))
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    used = np.zeros((4000, 12))
    for row in used:
        row[rng.choice(12, 2, replace=False)] = rng.uniform(1, 2, 2)
    x = used @ true
    model = train_sparse_autoencoder(x, features=24, active=2, steps=400, batch_size=256, learning_rate=1e-2)
    error = ((np.asarray(model(x.astype("float32"))) - x) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert error < 0.15
    nearest = (model.decoder.numpy() @ true.T).max(axis=0)
    assert (nearest > 0.9).mean() > 0.7
    again = train_sparse_autoencoder(x, features=24, active=2, steps=3, seed=5)
    same = train_sparse_autoencoder(x, features=24, active=2, steps=3, seed=5)
    np.testing.assert_array_equal(again.decoder.numpy(), same.decoder.numpy())
