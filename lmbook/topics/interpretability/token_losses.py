"""The loss of a decoder at each token."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from lmbook.models.transformer import CausalLanguageModel
from lmbook.topics.interpretability.residual_stream import continue_from


def next_tokens(ids: np.ndarray, end_id: int = 0) -> np.ndarray:
    """The token after each position of ids [B, T]: `end_id` after the last of a row, 0 in its padding."""
    after = np.pad(ids[:, 1:], ((0, 0), (0, 1)))
    after[(ids != 0) & (after == 0)] = end_id
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
