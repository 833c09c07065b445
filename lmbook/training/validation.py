"""Scoring held-out texts during and after training: next tokens, masked tokens and translations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.base import longest_text
from lmbook.models.compiled import compiled
from lmbook.pipelines.batches import Batches, check_ids, padded
from lmbook.pipelines.causal import spans
from lmbook.pipelines.masked import MaskedTokens
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer
from lmbook.training.distributed.feeding import without_autotune
from lmbook.training.step import jit_by_default, token_losses


class Validation:
    """Mean loss of whole documents in nats per token: each token counts once, with its past in the model's state.

    Documents stand in rows. One that is longer than a row continues in further rows, which are read in parallel; each
    of them first reads `lead_in` tokens that belong to the row before, without counting them, so that its memory is
    filled when its own tokens begin. All rows are read in pieces of `context` tokens through `model.step`.

    A Transformer has room for `max_sequence_length` tokens: no row is longer, and at most half of it is lead-in.

    Args:
        documents: lists of ids. Before the first token stands `<end>`; after the last one it is predicted too.
        tokenizer: its `end_id` opens and closes documents, and its `pad_id` fills up rows.
        batch_size: rows read together.
        context: tokens read in one call.
        row_length: tokens that a continued row counts.
        lead_in: tokens that it reads before those.
        jit_compile: let XLA compile the reading; None: what the model's class says.

    Raises:
        LmbookError: there is no document with a token.

    Example:
        validation = Validation(documents, tokenizer)
        fit(model, data, validation=validation, …)
        loss = validation(model)
    """

    def __init__(
        self,
        documents: Sequence[Sequence[int]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        batch_size: int = 64,
        context: int = 64,
        row_length: int = 1024,
        lead_in: int = 256,
        jit_compile: bool | None = None,
    ):
        check_ids(documents)
        end = tokenizer.end_id
        self._texts = [([end, *document], [*document, end]) for document in documents if len(document)]
        if not self._texts:
            raise LmbookError("The validation text is empty.", "Give a longer text, or train without validation.")
        self.tokens = sum(len(labels) for _, labels in self._texts)
        self._pad_id, self._jit_compile = tokenizer.pad_id, jit_compile
        self._batch_size, self._context, self._row_length, self._lead_in = batch_size, context, row_length, lead_in
        self._made_for = None  # (model, batches, function)

    def __call__(self, model: keras.Model) -> float:
        """The loss of `model` now, in nats per token; its strategy's replicas share the rows."""
        if self._made_for is None or self._made_for[0] is not model:
            self._made_for = model, self._batches(longest_text(model)), _reader_of_pieces(model, self._jit_compile)
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
        return [self._padded(rows[first : first + size], longest) for first in range(0, len(rows), size)]

    def _padded(self, rows, longest):
        """Rows of ids -> (x, y, w), each [B, a multiple of the context or `longest`]; w is 1 where a token counts."""
        width = -(-max(len(inputs) for inputs, _, _ in rows) // self._context) * self._context
        width = width if longest is None else min(width, longest)
        rows = [*rows, *[([], [], 0)] * (self._batch_size - len(rows))]
        x, y = (padded([row[part] for row in rows], width, self._pad_id) for part in (0, 1))
        weights = [[0.0] * uncounted + [1.0] * (len(labels) - uncounted) for _, labels, uncounted in rows]
        return x, y, padded(weights, width, 0.0, np.float32)


def _reader_of_pieces(model, jit_compile):
    """Function of a piece [B, context] and the state before it (None at the beginning) -> (loss in nats, state)."""
    strategy = model.distribute_strategy

    @tf.function(jit_compile=jit_by_default(model) if jit_compile is None else jit_compile)
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
    """Divide rows [B, T] among R replicas, [B / R, T] each; rows of zeros, which do not count, fill up the last."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return tf.constant(rows)
    each = -(-len(rows) // replicas)
    filled = np.pad(rows, ((0, each * replicas - len(rows)), (0, 0)))

    def of_replica(context):
        first = context.replica_id_in_sync_group * each
        return tf.constant(filled[first : first + each])

    return strategy.experimental_distribute_values_from_function(of_replica)


def _predictions(model):
    """Function of (what the model reads, labels [B, T]) -> (the likeliest tokens, the losses in nats), each [B, T]."""

    def make(get_model):
        @tf.function(reduce_retracing=True)
        def read(x, y):
            logits = get_model()(x, training=False)
            return tf.argmax(logits, axis=-1, output_type=y.dtype), token_losses(y, logits)

        return read

    return compiled(model, "predictions", make)


@dataclass(frozen=True)
class MaskedScore:
    """How well a model predicts hidden tokens.

    Attributes:
        nats_per_token: mean of -ln p(the token that stood there).
        accuracy: share of them that the model finds likeliest.
        tokens: how many were hidden.
    """

    nats_per_token: float
    accuracy: float
    tokens: int


class MaskedValidation:
    """Scores the same hidden tokens of a held-out text for every model and at every step of a training.

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
            found.append([part.numpy()[chosen] for part in (y, *_predictions(model)(x, y))])
        return tuple(np.concatenate(part) for part in zip(*found, strict=True))

    def score(self, model: keras.Model) -> MaskedScore:
        """Loss and accuracy of `model` now: `model(ids [B, T])` -> logits [B, T, V]."""
        right, likeliest, losses = self.answers(model)
        return MaskedScore(float(losses.mean(dtype="float64")), float((right == likeliest).mean()), len(right))

    def __call__(self, model: keras.Model) -> float:
        """The loss alone, in nats per hidden token, as `fit` wants it."""
        return self.score(model).nats_per_token


@dataclass(frozen=True)
class NextTokenScore:
    """How well a model predicts each token of the right translation from the right tokens before it.

    Attributes:
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


def score_next_tokens(model: keras.Model, data: Batches) -> NextTokenScore:
    """Score one epoch of `SentencePairs`. Padding counts for `unmasked_accuracy` alone."""
    sums = np.zeros(5)
    for x, y, w in without_autotune(data.dataset()):
        likeliest, losses = (part.numpy() for part in _predictions(model)(x, y))
        right, w = likeliest == y.numpy(), w.numpy()
        rows = np.broadcast_to(w.max(axis=1, keepdims=True), w.shape)  # a row that only fills up a batch has 0
        sums += [part.sum(dtype="float64") for part in (losses * w, right * w, w, right * rows, rows)]
    loss, right, tokens, unmasked, positions = sums
    return NextTokenScore(loss / tokens, right / tokens, unmasked / positions, int(tokens))
