"""Scores whole sentences with a language model: log-probabilities, and which of two is likelier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.evaluation.classification import wilson_interval
from lmbook.models.compiled import compiled
from lmbook.pipelines.causal import document_rows
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer

_MULTIPLE = 16  # widths are rounded up to a multiple, so that few shapes are compiled


def sentence_log_probabilities(
    model: keras.Model,
    sentences: Sequence[Sequence[int]],
    tokenizer: Tokenizer | SpecialIds,
    *,
    batch_size: int = 64,
) -> np.ndarray:
    """ln p of each sentence, its closing `<end>` among its tokens, in nats.

    Args:
        model: any language model of the book.
        sentences: ids of each, without `<end>`, in any order.
        tokenizer: its `end_id` opens and closes a sentence, and its `pad_id` fills up rows.
        batch_size: B, sentences that are read together.

    Returns:
        float64 [N].

    Raises:
        LmbookError: a sentence is longer than the model can read.
    """
    lengths = [len(sentence) + 1 for sentence in sentences]
    longest = max(lengths)
    most = getattr(getattr(model, "config", None), "max_sequence_length", longest)
    if longest > most:
        raise LmbookError(
            f"A sentence has {longest} tokens, and the model reads {most}.", "Leave it out, or make a larger model."
        )

    def make(get_model):
        def read(x, y, w):
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=get_model()(x, training=False))
            return -tf.reduce_sum(tf.where(w > 0, tf.cast(nats, tf.float64), 0.0), axis=1)

        return tf.function(read, reduce_retracing=True)

    read = compiled(model, "sentences", make)
    order = np.argsort(lengths, kind="stable")
    found = np.zeros(len(lengths))
    for first in range(0, len(lengths), batch_size):
        places = order[first : first + batch_size]
        width = min(most, -(-lengths[places[-1]] // _MULTIPLE) * _MULTIPLE)
        chosen = [sentences[place] for place in places]
        chosen += [[]] * (batch_size - len(chosen))  # one shape, so that few are compiled
        found[places] = read(*document_rows(chosen, tokenizer, width)).numpy()[: len(places)]
    return found


@dataclass(frozen=True)
class PairPreference:
    """Of pairs of sentences, how often the first was found likelier.

    Attributes:
        share: of the pairs; equal ones count half.
        low, high: its 95 % interval (Wilson).
        pairs: how many.
    """

    share: float
    low: float
    high: float
    pairs: int


def pair_preference(first: np.ndarray, second: np.ndarray) -> PairPreference:
    """How often the first of two sentences has the higher log-probability: [N], [N].

    Raises:
        LmbookError: there is no pair, or the numbers of sentences differ.
    """
    if len(first) != len(second) or not len(first):
        raise LmbookError(f"There are {len(first)} first and {len(second)} second sentences.", "Give pairs.")
    hits = float((first > second).sum() + 0.5 * (first == second).sum())
    return PairPreference(hits / len(first), *wilson_interval(hits, len(first)), len(first))
