"""Scoring a validation text again and again during training."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.training.step import token_losses


class Validation:
    """Mean loss of whole documents, in nats per token: each token counts once, with its past in the model's state.

    Documents stand in rows. One that is longer than `row_length` continues in further rows, which are read in
    parallel; each of them first reads `lead_in` tokens that belong to the row before, without counting them, so that
    its memory is filled when its own tokens begin. All rows are read in pieces of `context` tokens through
    `model.step`.

    Args:
        documents: lists of ids. Before the first token stands `end_id`; after the last one it is predicted too.
        batch_size: rows read together.
        context: tokens read in one call.
        row_length: tokens that a row counts.
        lead_in: tokens that a continued row reads before those it counts.
        end_id: the id that opens and closes documents.

    Example:
        validation = Validation(documents)
        loss = validation(model)
    """

    def __init__(
        self,
        documents: Sequence[Sequence[int]],
        *,
        batch_size: int = 64,
        context: int = 64,
        row_length: int = 1024,
        lead_in: int = 256,
        end_id: int = 2,
    ):
        rows = []
        for document in documents:
            if not len(document):
                continue
            inputs, labels = [end_id, *document], [*document, end_id]
            for start in range(0, len(labels), row_length):
                first, last = max(0, start - lead_in), min(start + row_length, len(labels))
                rows.append((inputs[first:last], labels[first:last], start - first))
        if not rows:
            raise LmbookError("The validation text is empty.", "Give a longer text, or train without validation.")
        rows.sort(key=lambda row: len(row[0]))
        self.tokens = sum(len(labels) - uncounted for _, labels, uncounted in rows)
        self.batches = [
            _padded(rows[first : first + batch_size], batch_size, context) for first in range(0, len(rows), batch_size)
        ]
        self._batch_size, self._context = batch_size, context
        self._compiled = None  # (model, function)

    def __call__(self, model: keras.Model) -> float:
        """The loss of `model` now, in nats per token."""
        if self._compiled is None or self._compiled[0] is not model:
            self._compiled = model, _scorer(model)
        score, total = self._compiled[1], 0.0
        for x, y, w in self.batches:
            state = model.initial_state(self._batch_size)
            for start in range(0, x.shape[1], self._context):
                piece = slice(start, start + self._context)
                loss, state = score(tf.constant(x[:, piece]), tf.constant(y[:, piece]), tf.constant(w[:, piece]), state)
                total += float(loss)
        return total / self.tokens


def _scorer(model):
    @tf.function(jit_compile=getattr(model, "jit_compile_training", True))
    def score(x, y, w, state):
        logits, state = model.step(x, state)
        return tf.reduce_sum(token_losses(y, logits) * w), state

    return score


def _padded(rows, batch_size, context):
    """Rows of ids -> (x, y, w), each [batch_size, a multiple of context]; w is 1 where a token counts."""
    width = -(-max(len(inputs) for inputs, _, _ in rows) // context) * context
    x, y = np.zeros((batch_size, width), "int32"), np.zeros((batch_size, width), "int32")
    w = np.zeros((batch_size, width), "float32")
    for index, (inputs, labels, uncounted) in enumerate(rows):
        x[index, : len(inputs)], y[index, : len(labels)] = inputs, labels
        w[index, uncounted : len(labels)] = 1.0
    return x, y, w
