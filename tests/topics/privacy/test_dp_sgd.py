import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.pipelines.causal import document_rows
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.privacy.dp_sgd import PrivateStep, noise_for, poisson_batches, privacy_spent
from lmbook.training.step import token_losses

ROWS = document_rows([[5, 6, 7], [8, 9], [3, 4, 5, 6], [7, 7]], SpecialIds(), 6)


def small():
    keras.utils.set_random_seed(0)
    return GPT(GPTConfig(vocabulary_size=10, hidden_dim=8, intermediate_dim=16, num_heads=2, num_layers=1, stddev=0.3))


def gradient_by_hand(model, clip):
    """The sum of the examples' gradients, each computed alone and clipped by `tf.clip_by_global_norm`."""
    total = None
    for x, y, w in zip(*ROWS, strict=True):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(token_losses(y[None], model(x[None])) * w) / w.sum()
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, model.trainable_variables)]
        gradients, _ = tf.clip_by_global_norm(gradients, clip)
        total = gradients if total is None else [a + b for a, b in zip(total, gradients, strict=True)]
    return [g.numpy() / len(ROWS[0]) for g in total]


@pytest.mark.xla
@pytest.mark.parametrize("method", ["vectorized", "one_by_one"])
def test_without_noise_a_step_is_the_mean_of_clipped_gradients(method):
    model, clip = small(), 0.3
    expected = gradient_by_hand(model, clip)
    before = model.get_weights()
    step = PrivateStep(
        model, keras.optimizers.SGD(1.0), clip=clip, noise_multiplier=0.0, batch_size=4, part=3, method=method
    )
    _, clipped = step(*ROWS)
    assert clipped == 1.0
    for old, new, gradient in zip(before, model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(old - new, gradient, atol=1e-5)


def test_noise_has_the_size_that_was_asked_for():
    model = small()
    before = np.concatenate([w.ravel() for w in model.get_weights()])
    step = PrivateStep(model, keras.optimizers.SGD(1.0), clip=0.5, noise_multiplier=2.0, batch_size=4, part=4)
    step(*(part[:0] for part in ROWS))  # nobody takes part: noise alone
    moved = before - np.concatenate([w.ravel() for w in model.get_weights()])
    assert moved.std() == pytest.approx(2.0 * 0.5 / 4, rel=0.1)


def test_epsilon_of_one_step_without_sampling_is_that_of_the_gaussian_mechanism():
    from dp_accounting import get_epsilon_gaussian

    exact = get_epsilon_gaussian(2.0, 1e-5)
    assert exact <= privacy_spent(2.0, 1.0, 1, 1e-5) < 1.15 * exact


def test_more_noise_less_epsilon():
    noise = noise_for(4.0, 0.1, 50, 1e-5)
    assert privacy_spent(noise, 0.1, 50, 1e-5) <= 4.001
    assert privacy_spent(2 * noise, 0.1, 50, 1e-5) < 2.5
    assert privacy_spent(noise, 0.1, 100, 1e-5) > 4.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: privacy_spent(0.0, 0.1, 10, 1e-5),
        lambda: privacy_spent(1.0, 1.5, 10, 1e-5),
        lambda: privacy_spent(1.0, 0.1, 0, 1e-5),
        lambda: noise_for(0.0, 0.1, 10, 1e-5),
        lambda: noise_for(1.0, 0.1, 10, 1.0),
    ],
)
def test_arguments_out_of_range(call):
    with pytest.raises(LmbookError):
        call()


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(LmbookError, match="pip install"):
        privacy_spent(1.0, 0.1, 10, 1e-5)


def test_poisson_batches_differ_in_size():
    sizes = [len(batch) for batch in poisson_batches(1000, 50, 200)]
    assert len(set(sizes)) > 10 and np.mean(sizes) == pytest.approx(50, abs=2)
