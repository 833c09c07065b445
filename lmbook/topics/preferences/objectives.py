"""Losses and estimates of preference learning and policy gradients, one function each.

All take log-probabilities in nats, as float32 tensors. N is the number of texts, T that of positions.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError


def label_log_probabilities(logits, labels):
    """log p(label) at each position: logits [N, T, V], labels [N, T] -> [N, T]."""
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def bradley_terry_loss(chosen, rejected):
    """Mean of -ln σ(r_chosen - r_rejected), the surprise of the preferences: rewards [N], [N] -> scalar.

    Reference:
        Bradley and Terry 1952; Stiennon et al. 2020, "Learning to summarize from human feedback", section 3.4.
    """
    return tf.reduce_mean(tf.math.softplus(rejected - chosen))


def dpo_loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta: float):
    """Mean of -ln σ(β [ln π/π₀ (chosen) - ln π/π₀ (rejected)]): log-probabilities of whole texts [N] -> scalar.

    It is the loss of a reward model whose reward is β ln π/π₀, and the policy that is best for this reward and a KL
    penalty β is π itself: so no reward model, and no roll-outs, are needed.

    Reference:
        Rafailov et al. 2023, "Direct preference optimization", equation 7.
    """
    return bradley_terry_loss(beta * (policy_chosen - reference_chosen), beta * (policy_rejected - reference_rejected))


def kl_estimate(log_p, log_reference):
    """An estimate of KL(π ‖ π₀) from each sampled token: r - 1 - ln r for r = π₀/π; shapes alike, never below 0.

    The plain estimate, ln π/π₀, has the same mean, but is negative for many tokens and varies more.

    Reference:
        Schulman 2020, "Approximating KL divergence", estimator k3, http://joschu.net/blog/kl-approx.html.
    """
    log_ratio = log_reference - log_p
    return tf.exp(log_ratio) - 1.0 - log_ratio


def clipped_objective(log_p, log_old, advantages, clip: float):
    """min(ρ A, clip(ρ, 1 - ε, 1 + ε) A) for ρ = π/π_old: [N, T], [N, T], [N] -> [N, T], to be made large.

    Where an update has already changed a token's probability by more than ε in the wanted direction, there is no
    gradient any more. Without clipping its gradient at ρ = 1 is that of REINFORCE.

    Reference:
        Schulman et al. 2017, "Proximal policy optimization algorithms", equation 7.
    """
    ratio, advantages = tf.exp(log_p - log_old), advantages[:, None]
    return tf.minimum(ratio * advantages, tf.clip_by_value(ratio, 1.0 - clip, 1.0 + clip) * advantages)


def leave_one_out(rewards: np.ndarray) -> np.ndarray:
    """Each reward minus the mean of all others: [N] -> [N], with mean 0.

    What is subtracted does not depend on the text itself, so the gradient stays right on average and varies less.

    Raises:
        LmbookError: there is only one.

    Reference:
        Ahmadian et al. 2024, "Back to basics: Revisiting REINFORCE style optimization", equation 6.
    """
    count = len(rewards)
    if count < 2:
        raise LmbookError("A baseline needs more than one reward.", "Roll out at least two texts.")
    return (rewards - rewards.mean()) * count / (count - 1)


def group_advantages(rewards: np.ndarray, group_size: int) -> np.ndarray:
    """Rewards [N] of groups of `group_size` texts in a row, each group with mean 0 and standard deviation 1.

    A group whose texts all have the same reward says nothing: its advantages are 0.

    Raises:
        LmbookError: the groups do not come out even, or have one member.

    Reference:
        Shao et al. 2024, "DeepSeekMath", section 4.1.2 (GRPO).
    """
    if group_size < 2 or len(rewards) % group_size:
        raise LmbookError(
            f"{len(rewards)} rewards are not groups of {group_size}.", "Give groups of at least 2, all complete."
        )
    groups = rewards.reshape(-1, group_size)
    centred = groups - groups.mean(axis=1, keepdims=True)
    spread = groups.std(axis=1, keepdims=True)
    return np.where(spread > 1e-6, centred / np.maximum(spread, 1e-6), 0.0).reshape(-1)
