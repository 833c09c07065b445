"""Scores a language model on a text: cross-entropy, perplexity, bits per byte."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.base import longest_text
from lmbook.models.compiled import compiled
from lmbook.pipelines.batches import padded
from lmbook.pipelines.causal import padded_documents, spans
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer


@dataclass(frozen=True)
class LanguageModelScore:
    """Cross-entropy of a model on a text, in the usual units.

    Attributes:
        nats_per_token: mean of -ln p(token) over all tokens.
        bits_per_token: the same in bits.
        bits_per_byte: bits for all tokens (each document's `<end>` among them) over the text's bytes; comparable
            between tokenizers. None if the number of bytes was not given.
        perplexity: exp(nats_per_token), as if the model wavered between so many equally likely tokens.
        tokens: how many were scored.
    """

    nats_per_token: float
    bits_per_token: float
    bits_per_byte: float | None
    perplexity: float
    tokens: int


def evaluate(
    model: keras.Model,
    documents: Sequence[Sequence[int]],
    tokenizer: Tokenizer | SpecialIds,
    *,
    bytes_total: int | None = None,
    batch_size: int = 32,
    context: int = 256,
    closed: bool = True,
    pieces: int = 1,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> LanguageModelScore:
    """Score every token of the documents once, given all the tokens before it in its document.

    A document is read as `<end> d1 … dn`; d1 is predicted from `<end>`, and `<end>` from the whole document. Long
    documents are read `context` tokens at a time, the model's state carried on, so neither `context` nor `batch_size`
    changes the result (but for rounding). A Transformer has room for `max_sequence_length` tokens: what is longer is
    read in windows of that length, the first half of each being the second of the one before, so that a token has at
    least half a window of past.

    Args:
        model: any language model of the book.
        documents: ids of each document, without `<end>`. Empty ones are left out.
        tokenizer: its `end_id` opens and closes documents, and its `pad_id` fills up rows.
        bytes_total: bytes of the documents' text in UTF-8, for `bits_per_byte`.
        batch_size: B, documents that are read side by side.
        context: tokens that are read at a time.
        closed: each document is followed by `<end>`, which is predicted too. False for a text that is a part of a
            longer one.
        pieces: cut each document that is longer than `context` into so many pieces, to be read side by side: faster
            for one long document, but no longer exact. The tokens of a piece see its own past and the
            `context` tokens before it; what is older is forgotten, so the result is an estimate, mostly a little high.
            Without effect on what is read in windows anyway.
        report: is told (tokens scored, tokens in all) as they are.

    Raises:
        LmbookError: there is no token to score, or an id is not in the model's vocabulary.
    """
    for name, value in {"batch_size": batch_size, "context": context, "pieces": pieces}.items():
        if value < 1:
            raise LmbookError(f"{name} is {value}.", "It must be at least 1.")
    batches = padded_documents(documents, tokenizer, batch_size, closed=closed)
    _check_ids(model, max(int(max(x.max(), y.max())) for x, y, _ in batches))
    nats, tokens, total = 0.0, 0, int(sum(w.sum(dtype=np.int64) for _, _, w in batches))
    longest = longest_text(model)
    if longest is not None:
        batches = [part for batch in batches for part in _windows(batch, tokenizer.pad_id, longest, batch_size)]
    for x, y, w in batches:
        if longest is None and pieces > 1 and x.shape[1] > context:
            x, y, w = _cut((x, y, w), tokenizer.pad_id, pieces, context)
        read = compiled(model, ("evaluate", len(x)), functools.partial(_compile, B=len(x)))
        state = model.initial_state(len(x))
        for first in range(0, x.shape[1], context):
            chunk = slice(first, first + context)
            lost, state = read(x[:, chunk], y[:, chunk], w[:, chunk], state)
            nats += float(lost)
            tokens += int(w[:, chunk].sum(dtype=np.int64))
            report(tokens, total)
    return score(nats, tokens, bytes_total)


def score(nats: float, tokens: int, bytes_total: int | None = None) -> LanguageModelScore:
    """Convert a text's total negative log-likelihood to the usual units.

    Args:
        nats: sum of -ln p(token).
        tokens: how many tokens it is the sum of.
        bytes_total: bytes of the text, for `bits_per_byte`.
    """
    mean = nats / tokens
    return LanguageModelScore(
        nats_per_token=mean,
        bits_per_token=mean / math.log(2),
        bits_per_byte=nats / math.log(2) / bytes_total if bytes_total else None,
        perplexity=math.exp(mean) if mean < 700 else math.inf,
        tokens=tokens,
    )


def _check_ids(model: keras.Model, largest: int) -> None:
    logits, _ = model.step(np.zeros((1, 1), np.int32), model.initial_state(1))
    if largest >= logits.shape[-1]:
        raise LmbookError(
            f"The text has id {largest}, but the model knows {logits.shape[-1]} tokens.",
            "Encode the text with the tokenizer that the model was trained with.",
        )


def _windows(batch: tuple[np.ndarray, ...], pad_id: int, longest: int, batch_size: int) -> list[tuple[np.ndarray, ...]]:
    """Rows (x, y, w) [B, T] as batches of rows of at most `longest`; the lead-in of each has weight 0."""
    if batch[0].shape[1] <= longest:
        return [batch]
    cut = ([], [], [])
    for first, counted, last in spans(batch[0].shape[1], longest, longest // 2):
        real = batch[2][:, counted:last].any(axis=1)
        for rows, part, fill in zip(cut, batch, (pad_id, pad_id, 0.0), strict=True):
            rows.append(padded(part[real, first:last], longest, fill, part.dtype))
        cut[2][-1][:, : counted - first] = 0
    x, y, w = (np.concatenate(rows) for rows in cut)
    return [
        (x[first : first + batch_size], y[first : first + batch_size], w[first : first + batch_size])
        for first in range(0, len(x), batch_size)
    ]


def _cut(batch: tuple[np.ndarray, ...], pad_id: int, pieces: int, overlap: int) -> tuple[np.ndarray, ...]:
    """Rows (x, y, w) [B, T] to [B * pieces, overlap + T / pieces]; a piece's first `overlap` tokens are not scored."""
    x, y, w = batch
    size = -(-x.shape[1] // pieces)
    cut = ([], [], [])
    for first in range(0, x.shape[1], size):
        begin = max(0, first - overlap)
        scored = w.copy()
        scored[:, :first] = 0
        for rows, part, fill in zip(cut, (x, y, scored), (pad_id, pad_id, 0.0), strict=True):
            rows.append(padded(part[:, begin : first + size], overlap + size, fill, part.dtype))
    return tuple(np.concatenate(rows) for rows in cut)


def _compile(get_model, B: int):
    ids, weights = tf.TensorSpec([B, None], tf.int32), tf.TensorSpec([B, None], tf.float32)
    state_spec = tf.nest.map_structure(lambda part: tf.TensorSpec(part.shape, part.dtype), get_model().initial_state(B))

    @tf.function(input_signature=[ids, ids, weights, state_spec])
    def read(x, y, w, state):
        logits, state = get_model().step(x, state)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.cast(logits, tf.float32))
        # where, not a product: the losses of padding may be anything
        total = tf.reduce_sum(tf.cast(tf.where(w > 0, nats, 0.0), tf.float64))
        return total, tf.nest.pack_sequence_as(state_spec, tf.nest.flatten(state))

    return read
