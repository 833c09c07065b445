import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.training.optimizers import ScaledAdam, make_optimizer
from lmbook.training.schedules import WarmupCosine


def one_step(name, **kwargs):
    """Weights by path within the model, before and after one update with a random gradient."""
    model = RecurrentLanguageModel(RecurrentConfig(vocabulary_size=11, embedding_dim=8, hidden_dim=16))
    schedule = WarmupCosine(0.01, total_steps=100, warmup_steps=1)
    settings = {"weight_decay": 0.0, "beta_2": 0.99, "muon_ratio": 3.0, **kwargs}
    optimizer = make_optimizer(name, model, schedule, **settings)
    before = {v.path: v.numpy() for v in model.trainable_variables}
    generator = np.random.default_rng(0)
    gradients = [tf.constant(generator.normal(size=v.shape), tf.float32) for v in model.trainable_variables]
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return {v.path.split("/", 1)[1]: (before[v.path], v.numpy()) for v in model.trainable_variables}


def test_muon_moves_the_inner_matrices_orthogonally_and_the_rest_as_adam():
    inner = 0
    for path, (before, after) in one_step("muon").items():
        change = after - before
        if "lstm" in path and change.ndim == 2:
            inner += 1
            singular = np.linalg.svd(change, compute_uv=False)
            assert singular.max() / singular.min() < 2.5  # a random gradient's own ratio is far larger
            # The root mean square of an orthogonal n x m matrix is 1 / sqrt(max(n, m)); scaled, it is 0.2 everywhere.
            assert np.sqrt(np.mean(change**2)) == pytest.approx(0.2 * 0.03, rel=0.25)
        else:  # the first step of Adam is the learning rate, by the sign of the gradient
            np.testing.assert_allclose(np.abs(change), 0.01, rtol=1e-2)
    assert inner == 2


def test_adamw_decays_matrices_alone():
    plain, decayed = one_step("adamw"), one_step("adamw", weight_decay=0.5)
    for path, (before, after) in decayed.items():
        expected = plain[path][1] - plain[path][0]
        if before.ndim == 2 and "embedding" not in path:
            expected = expected - 0.01 * 0.5 * before
        # two models have two starts, but the step of Adam depends on the gradient alone
        np.testing.assert_allclose(after - before, expected, atol=1e-5)


def test_unknown_optimizer_is_refused():
    with pytest.raises(LmbookError, match="'sgdm'"):
        one_step("sgdm")


def test_each_weight_has_the_rate_of_its_factor():
    weights = [keras.Variable(np.zeros(3, "float32")) for _ in range(2)]
    optimizer = ScaledAdam(0.1, [1.0, 0.25])
    optimizer.build(weights)
    optimizer.apply([np.ones(3, "float32")] * 2, weights)
    np.testing.assert_allclose([weight.numpy()[0] for weight in weights], [-0.1, -0.025], rtol=1e-4)
    copied = ScaledAdam.from_config(optimizer.get_config())
    assert copied.factors == [1.0, 0.25]
