"""Beam search, which looks for the likeliest text rather than the likeliest next token."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from lmbook.decoding.generate import check_length
from lmbook.errors import LmbookError
from lmbook.models.compiled import compiled, writer


def beam_search(
    model: keras.Model,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    stop_id: int,
    suppress_ids: Sequence[int] = (),
    beams: int = 4,
    length_penalty: float = 0.6,
    sources: np.ndarray | None = None,
    batch_size: int = 64,
) -> list[list[int]]:
    """Find the best continuation of each prompt, keeping the `beams` best ones at every step.

    A text's score is its log-probability divided by ((5 + n) / 6)^`length_penalty`, where n counts its tokens with the
    closing one. Without the penalty, short texts would nearly always win.

    Args:
        model: any language model of the book, or one that reads `sources`.
        prompts: ids of each prompt; all of one length.
        max_new_tokens: the most tokens to write.
        stop_id: closes a text; it is not part of the result. It is mostly `tokenizer.end_id`.
        suppress_ids: ids that are never written; give `tokenizer.suppress_ids`, which are not text.
        beams: texts kept; 1 is greedy decoding.
        length_penalty: alpha; 0 compares log-probabilities.
        sources: int [prompts, S], what an encoder reads for each prompt, filled up with the tokenizer's padding.
        batch_size: prompts that are continued together.

    Returns:
        the new tokens of each.

    Raises:
        LmbookError: prompts differ in length or are too long, or an argument is out of its range.

    Reference:
        Wu et al. 2016, "Google's neural machine translation system", equation 14 (without the coverage penalty).
    """
    if len({len(prompt) for prompt in prompts}) > 1 or not all(len(prompt) for prompt in prompts):
        raise LmbookError("The prompts are empty or differ in length.", "Search for those of one length together.")
    if beams < 1:
        raise LmbookError(f"beams is {beams}.", "It must be at least 1.")
    check_length(model, prompts, max_new_tokens)
    results = []
    for first in range(0, len(prompts), batch_size):
        rows = tf.constant([list(prompt) for prompt in prompts[first : first + batch_size]], tf.int32)
        search = compiled(
            model,
            ("beam", rows.shape[0], beams),
            lambda get: _compile(get, rows.shape[0], beams),  # noqa: B023
        )
        read = [] if sources is None else [tf.constant(sources[first : first + batch_size], tf.int32)]
        never = tf.constant(list(suppress_ids), tf.int32)
        ids, scores, lengths = search(rows, max_new_tokens, stop_id, never, *read)
        normalized = scores.numpy() / ((5 + lengths.numpy()) / 6) ** length_penalty
        best = normalized.argmax(axis=1)
        for row, beam in enumerate(best):
            written = ids.numpy()[row, beam].tolist()
            results.append(written[: written.index(stop_id)] if stop_id in written else written)
    return results


def _compile(get_model, B: int, K: int):
    write = writer(get_model(), B * K)

    @tf.function(reduce_retracing=True)
    def search(prompts, max_new_tokens, stop_id, suppress_ids, *source):
        """Tokens [B, K, max_new_tokens], their log-probabilities [B, K] in nats, and their lengths [B, K]."""
        model = get_model()
        # All beams read the prompt, so that the state has its final shape; only the first counts at the beginning.
        repeated = [tf.repeat(part, K, axis=0) for part in (prompts, *source)]
        logits, state = model.step(repeated[0], model.initial_state(B * K, *repeated[1:]))
        logits, V = logits[:, -1], logits.shape[-1]
        scores = tf.tile([[0.0] + [-math.inf] * (K - 1)], [B, 1])
        ids = tf.fill([B, K, max_new_tokens], stop_id)
        lengths, ended = tf.zeros([B, K]), tf.zeros([B, K], tf.bool)
        never = tf.reduce_any(tf.range(V)[:, None] == suppress_ids, axis=1)  # [V]
        only_stop = tf.where(tf.range(V) == stop_id, 0.0, -math.inf)  # an ended text goes on at no cost

        def unfinished(step, logits, state, scores, ids, lengths, ended):
            return (step < max_new_tokens) & ~tf.reduce_all(ended)

        def one_more(step, logits, state, scores, ids, lengths, ended):
            each = tf.nn.log_softmax(tf.where(never, -math.inf, tf.cast(logits, tf.float32)))
            each = tf.where(ended[:, :, None], only_stop, tf.reshape(each, [B, K, V]))
            scores, best = tf.math.top_k(tf.reshape(scores[:, :, None] + each, [B, K * V]), K)
            parent, token = best // V, best % V  # [B, K]
            ids, lengths, ended = (tf.gather(value, parent, batch_dims=1) for value in (ids, lengths, ended))
            ids = tf.where(tf.range(max_new_tokens) == step, token[:, :, None], ids)
            lengths = tf.where(ended, lengths, lengths + 1)
            ended |= token == stop_id
            rows = tf.reshape(parent + tf.range(B)[:, None] * K, [B * K])
            state = tf.nest.map_structure(lambda value: _of_rows(value, rows), state)
            logits, state = write(tf.reshape(token, [B * K]), state)
            return step + 1, logits, state, scores, ids, lengths, ended

        first = (0, logits, state, scores, ids, lengths, ended)
        *_, scores, ids, lengths, _ = tf.while_loop(unfinished, one_more, first)
        return ids, scores, lengths

    return search


def _of_rows(value, rows):
    """The state with its rows reordered; a scalar, such as the position, holds for all rows."""
    return value if value.shape.rank == 0 else tf.gather(value, rows)
