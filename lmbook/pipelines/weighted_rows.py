"""Rows of tokens of which only some are to be learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.buckets import Buckets, padded


class WeightedRows:
    """Rows with a weight for each label; the model reads a row and predicts each next token of it.

    Rows of about the same length share a batch (`Buckets`); batch k is a pure function of (seed, k), so
    `dataset(start_step=k)` goes on exactly where a run that was stopped after k batches would have.

    Args:
        rows: (ids, weights) of each row: T + 1 ids, and the weights of the last T, which are the labels.
        tokens_per_batch: positions of a batch, padding included.
        widths: of the batches, rising; no row has more labels than the last.
        seed: of the order.

    Attributes:
        steps_per_epoch: batches in an epoch.
        tokens: labels of weight 1 in an epoch.
        batch_size, context: rows and width of the widest batches.

    Raises:
        LmbookError: a batch cannot hold the longest row.
    """

    def __init__(
        self,
        rows: Sequence[tuple[Sequence[int], Sequence[float]]],
        *,
        tokens_per_batch: int,
        widths: Sequence[int],
        seed: int = 0,
    ):
        self.tokens_per_batch, self.seed = tokens_per_batch, seed
        needed = np.array([next(width for width in widths if width >= len(weights)) for _, weights in rows])
        parts = []  # (x, y, w), each [N, W]
        for size in sorted(set(needed)):
            members = [rows[index] for index in np.flatnonzero(needed == size)]
            x = padded([ids[:-1] for ids, _ in members], size)
            y = padded([ids[1:] for ids, _ in members], size)
            w = padded([weights for _, weights in members], size, np.float32)
            parts.append((x, y, w))
        self._buckets = Buckets(parts, tokens_per_batch, seed)
        self.steps_per_epoch = self._buckets.steps_per_epoch
        self.tokens = int(sum(w.sum() for _, _, w in parts))
        self.batch_size, self.context = self._buckets.batch_size, self._buckets.context

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches number `start_step`, … of the endless run; `steps` of them (default: one epoch).

        Returns:
            a data set of known length, of (x int32 [B, W], y int32 [B, W], w float32 [B, W]); B and W are those of the
            batch's bucket.
        """
        steps = self.steps_per_epoch if steps is None else steps
        ids, weights = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)
        batches = tf.data.Dataset.from_generator(
            lambda: self._buckets.batches(start_step, steps), output_signature=(ids, ids, weights)
        )
        return batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)

    @property
    def description(self) -> str:
        """The settings and the sha256 of the rows, to tell this data from other data."""
        settings = f"{self.tokens_per_batch=}, {self.seed=}"
        return f"{self.tokens} labels with sha256 {self._buckets.digest[:16]}, {settings}"


def check_widths(widths: Sequence[int]) -> None:
    """Check that the widths are rising numbers.

    Raises:
        LmbookError: they are not.
    """
    if not widths or list(widths) != sorted(set(widths)) or widths[0] < 1:
        raise LmbookError(f"widths={list(widths)} are not rising numbers from 1 on.", "Give for example (64, 128).")
