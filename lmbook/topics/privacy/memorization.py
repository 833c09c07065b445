"""What a model reveals about its training texts: exposure of a secret, membership of a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_curve

from lmbook.errors import LmbookError
from lmbook.evaluation.intervals import auc_interval
from lmbook.models.compiled import compiled

CHANCE_EXPOSURE = 1 / math.log(2)  # bits: the mean of -log2(u) for u between 0 and 1


def secret_nats(model: keras.Model, prefix: Sequence[int], choices: Sequence[int], length: int) -> np.ndarray:
    """-ln p of every secret after `prefix`: `length` tokens, each one of the C `choices`; [C^length] in counting order.

    One pass over the C^(length-1) beginnings gives them all: the model says at each place how likely each choice is.

    Args:
        model: any language model of the book.
        prefix: ids, the opening `<end>` included.
        choices: ids that a secret is made of.
        length: of a secret, in tokens.
    """
    size, places = len(choices), np.indices((len(choices),) * length).reshape(length, -1)  # [length, C^length]
    beginnings = places[:-1, ::size].T  # each once
    read = np.tile(np.asarray(prefix, np.int32), (len(beginnings), 1))
    x = np.concatenate([read, np.asarray(choices, np.int32)[beginnings]], axis=1)

    def make(get_model):
        return tf.function(lambda x: tf.nn.log_softmax(get_model()(x)[:, -length:]), jit_compile=True)

    forward = compiled(model, ("secret_nats", length), make)
    log_p = forward(tf.constant(x)).numpy()[:, :, list(choices)]  # [C^(length-1), length, C]
    row = np.arange(places.shape[1]) // size
    return -sum(log_p[row, place, places[place]] for place in range(length))


def exposure(nats: Sequence[float], secret: int) -> float:
    """Exposure of a secret: how much guessing the model saves, in bits.

    All secrets of the same form are ranked by the model; one that is at place r of N has exposure log2 N - log2 r.
    The first place gives log2 N: the secret can be read off the model. A model that has not seen it gives
    `CHANCE_EXPOSURE` on average. Of equally likely ones, half are counted as before it.

    Args:
        nats: -ln p of each possible secret, [N].
        secret: the place of the true one in `nats`.

    Raises:
        LmbookError: there are fewer than two, or `secret` is no place in it.

    Reference:
        Carlini et al. 2019, "The Secret Sharer: evaluating and testing unintended memorization in neural networks",
        section 4.
    """
    nats = np.asarray(nats, float)
    if len(nats) < 2 or not 0 <= secret < len(nats):
        raise LmbookError(
            f"Secret number {secret} of {len(nats)}.", "Give the nats of all possible secrets, at least two."
        )
    rank = 1 + (nats < nats[secret]).sum() + ((nats == nats[secret]).sum() - 1) / 2
    return math.log2(len(nats)) - math.log2(rank)


@dataclass(frozen=True)
class Attack:
    """How well members of the training set can be told from other texts.

    Attributes:
        auc: the probability that a member has a higher score than another text; 0.5 is chance.
        low, high: its 95 % interval by the bootstrap.
        found: share of the members that are recognised with 1 % of the others taken for members.
    """

    auc: float
    low: float
    high: float
    found: float


def membership_attack(members: Sequence[float], others: Sequence[float], seed: int = 0) -> Attack:
    """Score an attack that takes texts with a high score for members; the simplest score is minus the loss.

    Args:
        members: scores of texts of the training set.
        others: scores of texts of the same kind that were not in it.
        seed: of the bootstrap.

    Raises:
        LmbookError: one of them is empty.

    Reference:
        Yeom et al. 2018, "Privacy risk in machine learning: analyzing the connection to overfitting" (the loss as
        score); Carlini et al. 2022, "Membership inference attacks from first principles" (few false alarms count).
    """
    if not len(members) or not len(others):
        raise LmbookError(f"{len(members)} members and {len(others)} others.", "Give scores of both.")
    inside = np.r_[np.ones(len(members), bool), np.zeros(len(others), bool)]
    scores = np.r_[np.asarray(members, float), np.asarray(others, float)]

    found = auc_interval(inside, scores, seed)
    false_alarms, hits, _ = roc_curve(inside, scores)
    return Attack(found.value, found.low, found.high, float(hits[false_alarms <= 0.01].max()))
