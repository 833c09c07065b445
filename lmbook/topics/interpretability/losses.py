"""The loss of a decoder at each token."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from lmbook.models.transformer import CausalLanguageModel
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer
from lmbook.topics.interpretability.residual import continue_from


def next_tokens(ids: np.ndarray, tokenizer: Tokenizer | SpecialIds) -> np.ndarray:
    """The token after each position of ids [B, T]: `<end>` after the last of a row, and padding in its padding.

    A row's padding is what it ends with, even where `pad_id` is the same as the `end_id` that opens the row.
    """
    lengths = ids.shape[1] - np.argmax(ids[:, ::-1] != tokenizer.pad_id, axis=1)
    after = np.concatenate([ids[:, 1:], np.full((len(ids), 1), tokenizer.pad_id, ids.dtype)], axis=1)
    after[np.arange(len(ids)), lengths - 1] = tokenizer.end_id
    return after


def token_losses(model: CausalLanguageModel, ids: np.ndarray, labels: np.ndarray, batch_size: int = 100) -> np.ndarray:
    """-ln p of each label, float32 [B, T].

    Args:
        model: a decoder.
        ids: int [B, T].
        labels: [B, T], see `next_tokens`.
        batch_size: rows that are read together.
    """
    return _losses(model, ids, labels, batch_size)


def losses_from(
    model: CausalLanguageModel, x: np.ndarray, labels: np.ndarray, block: int, batch_size: int = 100
) -> np.ndarray:
    """`token_losses` where block number `block` reads the vectors x [B, T, D], see `continue_from`."""
    return _losses(lambda part: continue_from(model, tf.constant(part), block), x, labels, batch_size)


def _losses(read: Callable, x: np.ndarray, labels: np.ndarray, batch_size: int) -> np.ndarray:
    parts = [slice(first, first + batch_size) for first in range(0, len(x), batch_size)]
    found = [tf.nn.sparse_softmax_cross_entropy_with_logits(labels[part], read(x[part])).numpy() for part in parts]
    return np.concatenate(found)
