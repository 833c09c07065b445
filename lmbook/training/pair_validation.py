"""Scoring held-out pairs by their next tokens: loss and accuracy of a translation model."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.models.compiled import compiled
from lmbook.training.distributed.feeding import quick_to_end
from lmbook.training.step import token_losses


@dataclass(frozen=True)
class NextTokenScore:
    """What a model says of the right translation, each token predicted from the right ones before it.

    Args:
        nats_per_token: cross-entropy of the real tokens.
        accuracy: share of the real tokens that are the likeliest.
        unmasked_accuracy: the same, padding counted as right where the model predicts padding: a number without
            meaning that many programs print.
        tokens: real tokens.
    """

    nats_per_token: float
    accuracy: float
    unmasked_accuracy: float
    tokens: int


def score_next_tokens(model: keras.Model, data) -> NextTokenScore:
    """Score one epoch of a `SentencePairs`; each padded position counts for `unmasked_accuracy` alone."""
    score = compiled(model, "next_tokens", _scorer)
    sums = np.zeros(5)
    for x, y, w in quick_to_end(data.dataset()):
        sums += score(x, y, w).numpy()
    loss, right, tokens, unmasked, positions = sums
    return NextTokenScore(loss / tokens, right / tokens, unmasked / positions, int(tokens))


def _scorer(get_model):
    @tf.function(reduce_retracing=True)
    def score(x, y, w):
        logits = get_model()(x, training=False)
        right = tf.cast(tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), y), tf.float32)
        rows = tf.reduce_max(w, axis=1, keepdims=True)  # rows that only fill up a batch count for nothing
        losses = token_losses(y, logits)
        return tf.stack([tf.reduce_sum(v) for v in (losses * w, right * w, w, right * rows, tf.ones_like(w) * rows)])

    return score
