"""Policies that learn from rewards (REINFORCE, GRPO) and from preferences (DPO), and reward models."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from lmbook.models.compiled import compiled
from lmbook.models.gpt import GPT
from lmbook.topics.preferences.objectives import (
    bradley_terry_loss,
    clipped_objective,
    dpo_loss,
    group_advantages,
    kl_estimate,
    label_log_probabilities,
    leave_one_out,
)
from lmbook.topics.preferences.reward_model import RewardModel
from lmbook.topics.preferences.rollouts import Rollouts
from lmbook.training.step import dense_gradient

_ROWS = 128  # texts in a batch where nothing is trained


class Updates:
    """Adam updates of a model, compiled once for each kind of loss.

    Args:
        model: what learns.
        learning_rate: of Adam, the same throughout.
        clip: the largest global norm of a gradient.
    """

    def __init__(self, model: keras.Model, learning_rate: float, clip: float = 1.0):
        self._model, self._clip = model, clip
        self.optimizer = keras.optimizers.Adam(learning_rate, beta_2=0.99)
        self.optimizer.build(model.trainable_variables)
        self._compiled: dict = {}

    def __call__(self, loss: Callable, *arrays) -> float:
        """Make an update that lowers `loss(*arrays)` and return the loss before it; `loss` is a method or function."""
        name = loss.__name__
        if name not in self._compiled:

            def update(*tensors):
                weights = self._model.trainable_variables
                with tf.GradientTape() as tape:
                    value = loss(*tensors)
                gradients = tape.gradient(value, [weight.value for weight in weights])
                gradients = [dense_gradient(g, w) for g, w in zip(gradients, weights, strict=True)]
                gradients, _ = tf.clip_by_global_norm(gradients, self._clip)
                self.optimizer.apply(gradients, weights)
                return value

            self._compiled[name] = tf.function(update, jit_compile=True)
        return float(self._compiled[name](*(tf.constant(array) for array in arrays)))


def log_probabilities(model: GPT, ids: np.ndarray) -> np.ndarray:
    """log p of each label of ids [N, W + 1] under the model: [N, W]."""
    return _in_pieces(model, lambda model, x: label_log_probabilities(model(x[:, :-1]), x[:, 1:]), ids)


def rewards_of(model: RewardModel, ids: np.ndarray) -> np.ndarray:
    """The reward of each text: ids [N, T] -> [N]."""
    return _in_pieces(model, lambda model, x: model(x), ids)


class Policy:
    """A language model that is trained on rewards and kept close to the model that it was at the start.

    Args:
        reference: π₀; it stays as it is.

    Attributes:
        model: the policy, π; it begins as a copy of the reference.

    Example:
        policy = Policy(reference)
        rollouts = roll_out(policy.model, tokenizer, openings, width=48)
        policy.reinforce(rollouts, rewards, kl=0.05)
    """

    def __init__(self, reference: GPT, learning_rate: float = 1e-3):
        self.model, self.reference = GPT(reference.config), reference
        self._update = Updates(self.model, learning_rate)
        self._fresh = [variable.numpy() for variable in self._update.optimizer.variables]
        self.restart(learning_rate)

    def restart(self, learning_rate: float) -> None:
        """Start again from the reference's weights, and keep what is compiled."""
        self.model.set_weights(self.reference.get_weights())
        for variable, value in zip(self._update.optimizer.variables, self._fresh, strict=True):
            variable.assign(value)
        self._update.optimizer.learning_rate = learning_rate

    def distance(self, rollouts: Rollouts) -> np.ndarray:
        """ln π/π₀ of what was written, in nats [N]; its mean over texts of π estimates KL(π ‖ π₀)."""
        apart = log_probabilities(self.model, rollouts.ids) - log_probabilities(self.reference, rollouts.ids)
        return (apart * rollouts.written).sum(axis=1)

    def reinforce(self, rollouts: Rollouts, rewards: np.ndarray, *, kl: float) -> float:
        """One step of REINFORCE; returns the mean of `distance`, before it.

        The penalty is a part of the reward, r - β ln π/π₀, and the other texts' mean is the baseline.

        Args:
            rollouts: written by the policy as it is now.
            rewards: of each text, [N].
            kl: β, what a nat of distance from the reference costs, in units of the reward.

        Reference:
            Williams 1992, "Simple statistical gradient-following algorithms"; Ziegler et al. 2019, "Fine-tuning
            language models from human preferences", equation 2.
        """
        apart = self.distance(rollouts)
        advantages = leave_one_out(rewards - kl * apart)
        self._update(self._reinforce, rollouts.ids, rollouts.written, advantages.astype(np.float32))
        return float(apart.mean())

    def grpo(
        self,
        rollouts: Rollouts,
        rewards: np.ndarray,
        *,
        group_size: int,
        kl: float,
        clip: float = 0.2,
        updates: int = 2,
    ) -> float:
        """`updates` steps of GRPO on the same roll-outs; returns the mean of `distance`, before them.

        Args:
            rollouts: written by the policy as it is now; `group_size` in a row have the same opening.
            rewards: of each text, [N].
            group_size: texts that are compared with each other.
            kl: β of the penalty, which is a part of the loss here.
            clip: ε, how far an update may change the probability of a token.

        Reference:
            Shao et al. 2024, "DeepSeekMath", equation 3.
        """
        old, reference = (log_probabilities(model, rollouts.ids) for model in (self.model, self.reference))
        advantages = group_advantages(rewards, group_size).astype(np.float32)
        arrays = rollouts.ids, rollouts.written, advantages, old, reference, np.float32(kl), np.float32(clip)
        for _ in range(updates):
            self._update(self._grpo, *arrays)
        return float(((old - reference) * rollouts.written).sum(axis=1).mean())

    def dpo(self, chosen: Rollouts, rejected: Rollouts, *, beta: float) -> float:
        """One step of DPO on pairs of texts with the same opening; returns the loss before it."""
        arrays = [part for pair in (chosen, rejected) for part in (pair.ids, pair.written)]
        arrays += [(log_probabilities(self.reference, pair.ids) * pair.written).sum(1) for pair in (chosen, rejected)]
        return self._update(self._dpo, *arrays, np.float32(beta))

    def _log_p(self, ids):
        return label_log_probabilities(self.model(ids[:, :-1], training=True), ids[:, 1:])

    def _reinforce(self, ids, written, advantages):
        return -tf.reduce_mean(advantages * tf.reduce_sum(self._log_p(ids) * written, axis=1))

    def _grpo(self, ids, written, advantages, old, reference, kl, clip):
        log_p = self._log_p(ids)
        gain = clipped_objective(log_p, old, advantages, clip) - kl * kl_estimate(log_p, reference)
        return -tf.reduce_mean(tf.reduce_sum(gain * written, axis=1) / tf.reduce_sum(written, axis=1))

    def _dpo(self, chosen, chosen_written, rejected, rejected_written, reference_chosen, reference_rejected, beta):
        more, less = (
            tf.reduce_sum(self._log_p(ids) * written, axis=1)
            for ids, written in ((chosen, chosen_written), (rejected, rejected_written))
        )
        return dpo_loss(more, less, reference_chosen, reference_rejected, beta)


class RewardTraining:
    """A reward model that learns from preferences.

    Args:
        model: the reward model.
        learning_rate: of Adam.
    """

    def __init__(self, model: RewardModel, learning_rate: float):
        self.model = model
        self._update = Updates(model, learning_rate)

    def prefer(self, chosen: np.ndarray, rejected: np.ndarray) -> float:
        """One step on pairs of ids [N, T]; returns the loss before it, in nats per pair."""
        return self._update(self._loss, chosen, rejected)

    def _loss(self, chosen, rejected):
        return bradley_terry_loss(self.model(chosen, training=True), self.model(rejected, training=True))


def _in_pieces(model: keras.Model, function: Callable, ids: np.ndarray) -> np.ndarray:
    """Apply `function(model, rows)` to all rows of `ids`, so many at a time that it is compiled once."""
    read = compiled(
        model, "in_pieces", lambda get_model: tf.function(lambda x: function(get_model(), x), jit_compile=True)
    )
    padded = np.pad(ids, ((0, -len(ids) % _ROWS), (0, 0)))
    pieces = [read(padded[first : first + _ROWS]).numpy() for first in range(0, len(padded), _ROWS)]
    return np.concatenate(pieces)[: len(ids)]
