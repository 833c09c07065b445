"""How well a model names hidden tokens."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from lmbook.decoding.compiled import compiled
from lmbook.pipelines.masked import MaskedTokens
from lmbook.training.step import token_losses


@dataclass(frozen=True)
class MaskedScore:
    """A model on hidden tokens.

    Attributes:
        nats_per_token: mean of -ln p(the token that stood there).
        accuracy: share of them that the model finds likeliest.
        tokens: how many were hidden.
    """

    nats_per_token: float
    accuracy: float
    tokens: int


class MaskedEvaluation:
    """The same hidden tokens of a held-out text for every model, and for a model at every step of its training.

    Args:
        data: made with `shuffle=False`; with `masked=1.0, replaced=0.0` no place gives its answer away. Its first epoch
            is kept.

    Example:
        evaluation = MaskedEvaluation(held_out)
        fit(model, data, validation=evaluation, …)
        evaluation.score(model).accuracy
    """

    def __init__(self, data: MaskedTokens):
        self._batches = list(data.dataset())

    def score(self, model: keras.Model) -> MaskedScore:
        """Loss and accuracy of `model` now: `model(ids [B, T])` -> logits [B, T, V]."""
        sums = sum(_scorer(model)(*batch).numpy() for batch in self._batches)
        loss, right, tokens = sums.tolist()
        return MaskedScore(loss / tokens, right / tokens, round(tokens))

    def __call__(self, model: keras.Model) -> float:
        """The loss alone, in nats per hidden token, as `fit` wants it."""
        return self.score(model).nats_per_token


def _scorer(model):
    """Function of a batch -> float64 [loss in nats, tokens named rightly, tokens]."""

    def make(get_model):
        @tf.function(reduce_retracing=True)
        def score(x, y, w):
            logits = get_model()(x, training=False)
            right = tf.cast(tf.argmax(logits, axis=-1, output_type=y.dtype) == y, w.dtype)
            sums = [tf.reduce_sum(token_losses(y, logits) * w), tf.reduce_sum(right * w), tf.reduce_sum(w)]
            return tf.cast(tf.stack(sums), "float64")

        return score

    return compiled(model, "masked", make)
