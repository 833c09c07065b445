import math

import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.topics.preferences.objectives import (
    bradley_terry_loss,
    clipped_objective,
    dpo_loss,
    group_advantages,
    kl_estimate,
    label_log_probabilities,
    leave_one_out,
)


def numbers(*values):
    return tf.constant(values, tf.float32)


def test_dpo_loss_by_hand():
    # One pair; the policy has made the chosen text e times likelier and the rejected one e² times unlikelier.
    loss = dpo_loss(numbers(-2.0), numbers(-5.0), numbers(-3.0), numbers(-3.0), beta=0.5)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-0.5 * 3)), abs=1e-6)
    same = dpo_loss(numbers(-3.0, -1.0), numbers(-4.0, -2.0), numbers(-3.0, -1.0), numbers(-4.0, -2.0), beta=0.1)
    assert float(same) == pytest.approx(math.log(2), abs=1e-6)  # at the start the preferences are coin tosses


def test_bradley_terry_is_the_surprise_of_the_preference_and_large_differences_stay_finite():
    assert float(bradley_terry_loss(numbers(1.0), numbers(0.0))) == pytest.approx(-math.log(1 / (1 + math.exp(-1))))
    assert float(bradley_terry_loss(numbers(-200.0), numbers(200.0))) == pytest.approx(400.0)


def test_kl_estimate_has_the_divergence_as_its_mean_and_is_never_negative():
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.4, 0.4, 0.2])
    estimates = kl_estimate(tf.constant(np.log(p)), tf.constant(np.log(q))).numpy()
    assert (estimates >= 0).all()
    assert (p * estimates).sum() == pytest.approx((p * np.log(p / q)).sum())


def test_label_log_probabilities():
    logits = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    labels = np.array([[0, 1, 2], [4, 4, 0]])
    expected = np.take_along_axis(tf.nn.log_softmax(logits).numpy(), labels[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(label_log_probabilities(logits, labels), expected, atol=1e-6)


def test_clipping_stops_the_gradient_in_the_wanted_direction_only():
    old = tf.zeros([4, 1])
    log_p = tf.Variable(np.log([[1.5], [0.5], [1.5], [0.5]]).astype(np.float32))
    with tf.GradientTape() as tape:
        objective = clipped_objective(log_p, old, numbers(1.0, 1.0, -1.0, -1.0), clip=0.2)
    np.testing.assert_allclose(objective[:, 0], [1.2, 0.5, -1.5, -0.8], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(objective, log_p)[:, 0], [0.0, 0.5, -1.5, 0.0], atol=1e-6)


def test_each_reward_is_compared_with_the_others():
    rewards = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(leave_one_out(rewards), [1 - 4, 2 - 3.5, 6 - 1.5])
    with pytest.raises(LmbookError, match="more than one"):
        leave_one_out(rewards[:1])


def test_groups_are_normalised_on_their_own_and_equal_rewards_say_nothing():
    advantages = group_advantages(np.array([1.0, 3.0, 100.0, 300.0, 5.0, 5.0]), 2)
    np.testing.assert_allclose(advantages, [-1, 1, -1, 1, 0, 0], atol=1e-6)
    with pytest.raises(LmbookError, match="groups of 4"):
        group_advantages(np.ones(6), 4)
