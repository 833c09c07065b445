"""Scoring a validation text again and again during training."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.base import longest_text
from lmbook.pipelines.causal import spans
from lmbook.training.step import token_losses


class Validation:
    """Mean loss of whole documents, in nats per token: each token counts once, with its past in the model's state.

    Documents stand in rows. One that is longer than a row continues in further rows, which are read in parallel; each
    of them first reads `lead_in` tokens that belong to the row before, without counting them, so that its memory is
    filled when its own tokens begin. All rows are read in pieces of `context` tokens through `model.step`.

    A Transformer has room for `max_sequence_length` tokens: no row is longer, and at most half of it is lead-in.

    Args:
        documents: lists of ids. Before the first token stands `end_id`; after the last one it is predicted too.
        batch_size: rows read together.
        context: tokens read in one call.
        row_length: tokens that a continued row counts.
        lead_in: tokens that it reads before those.
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
        self._texts = [([end_id, *document], [*document, end_id]) for document in documents if len(document)]
        if not self._texts:
            raise LmbookError("The validation text is empty.", "Give a longer text, or train without validation.")
        self.tokens = sum(len(labels) for _, labels in self._texts)
        self._batch_size, self._context, self._row_length, self._lead_in = batch_size, context, row_length, lead_in
        self._made_for = None  # (model, batches, function)

    def __call__(self, model: keras.Model) -> float:
        """The loss of `model` now, in nats per token; its strategy's replicas share the rows."""
        if self._made_for is None or self._made_for[0] is not model:
            self._made_for = model, self._batches(longest_text(model)), _scorer(model)
        _, batches, score = self._made_for
        strategy, total = model.distribute_strategy, 0.0
        for batch in batches:
            state = None
            for start in range(0, batch[0].shape[1], self._context):
                piece = [_share_out(part[:, start : start + self._context], strategy) for part in batch]
                loss, state = score(*piece, state)
                total += float(loss)
        return total / self.tokens

    def _batches(self, longest: int | None) -> list[tuple[np.ndarray, ...]]:
        """The rows for a model that can read `longest` tokens (None: any number)."""
        width, lead_in = self._row_length + self._lead_in, self._lead_in
        if longest is not None:
            width, lead_in = longest, min(lead_in, longest // 2)
        rows = [
            (inputs[first:last], labels[first:last], counted - first)
            for inputs, labels in self._texts
            for first, counted, last in spans(len(labels), width, lead_in)
        ]
        rows.sort(key=lambda row: len(row[0]))
        size = self._batch_size
        return [_padded(rows[i : i + size], size, self._context, longest) for i in range(0, len(rows), size)]


def _scorer(model):
    """Function of a piece [B, context] and the state before it (None at the beginning) -> (loss in nats, state)."""
    strategy, compiled = model.distribute_strategy, getattr(model, "jit_compile_training", True)

    @tf.function(jit_compile=compiled)
    def step(x, y, w, state):
        logits, state = model.step(x, state)
        return tf.reduce_sum(token_losses(y, logits) * w), state

    def replica(x, y, w, state):
        return step(x, y, w, model.initial_state(x.shape[0]) if state is None else state)

    @tf.function
    def score(x, y, w, state):
        losses, state = strategy.run(replica, args=(x, y, w, state))
        return strategy.reduce("SUM", losses, axis=None), state

    return score


def _share_out(rows: np.ndarray, strategy):
    """Rows [B, T] -> for each replica its [B / R, T], rounded up; rows of zeros fill up."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return tf.constant(rows)
    each = -(-len(rows) // replicas)
    filled = np.pad(rows, ((0, each * replicas - len(rows)), (0, 0)))

    def of_replica(context):
        first = context.replica_id_in_sync_group * each
        return tf.constant(filled[first : first + each])

    return strategy.experimental_distribute_values_from_function(of_replica)


def _padded(rows, batch_size, context, longest):
    """Rows of ids -> (x, y, w), each [batch_size, a multiple of context or `longest`]; w is 1 where a token counts."""
    width = -(-max(len(inputs) for inputs, _, _ in rows) // context) * context
    width = width if longest is None else min(width, longest)
    x, y = np.zeros((batch_size, width), "int32"), np.zeros((batch_size, width), "int32")
    w = np.zeros((batch_size, width), "float32")
    for index, (inputs, labels, uncounted) in enumerate(rows):
        x[index, : len(inputs)], y[index, : len(labels)] = inputs, labels
        w[index, uncounted : len(labels)] = 1.0
    return x, y, w
