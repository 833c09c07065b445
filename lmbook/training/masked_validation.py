"""Scoring hidden tokens of a held-out text, again and again during training."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.models.compiled import compiled
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


class MaskedValidation:
    """The same hidden tokens of a held-out text for every model, and for a model at every step of its training.

    Args:
        data: made with `shuffle=False`; with `mask_token_rate=1.0, random_token_rate=0.0` no place gives its answer
            away. Its first epoch is kept.

    Example:
        validation = MaskedValidation(held_out)
        fit(model, data, validation=validation, …)
        validation.score(model).accuracy
    """

    def __init__(self, data: MaskedTokens):
        self._batches = list(data.dataset())

    def answers(self, model: keras.Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each hidden token: which it is, which `model` finds likeliest there, and -ln p of the right one."""
        found = []
        for x, y, w in self._batches:
            chosen = w.numpy() > 0
            likeliest, losses = _reader(model)(x, y)
            found.append((y.numpy()[chosen], likeliest.numpy()[chosen], losses.numpy()[chosen]))
        return tuple(np.concatenate(part) for part in zip(*found, strict=True))

    def score(self, model: keras.Model) -> MaskedScore:
        """Loss and accuracy of `model` now: `model(ids [B, T])` -> logits [B, T, V]."""
        right, likeliest, losses = self.answers(model)
        return MaskedScore(float(losses.mean(dtype="float64")), float((right == likeliest).mean()), len(right))

    def __call__(self, model: keras.Model) -> float:
        """The loss alone, in nats per hidden token, as `fit` wants it."""
        return self.score(model).nats_per_token


def _reader(model):
    """Function of (hidden text, text), each [B, T] -> (the likeliest tokens, the losses), each [B, T]."""

    def make(get_model):
        @tf.function(reduce_retracing=True)
        def read(x, y):
            logits = get_model()(x, training=False)
            return tf.argmax(logits, axis=-1, output_type=y.dtype), token_losses(y, logits)

        return read

    return compiled(model, "masked", make)
