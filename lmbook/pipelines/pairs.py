"""Batches of sentence pairs: one sentence to read, one to write."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.buckets import BUCKETS, Buckets, bucket_width, padded


class SentencePairs:
    """Pairs of a source and a target, with others of about their length, so that little padding is computed.

    A pair of lengths (s, t) goes to the first bucket of a width W >= max(s, t + 1). The source is read as it is; the
    decoder reads `<end> t1 … tn`, and its labels are `t1 … tn <end>`. All batches of a bucket have the same shape, and
    batches of all buckets about the same number of positions: `tokens_per_batch` on each side. Batch k is a pure
    function of (seed, k): `dataset(start_step=k)` goes on exactly where a run that was stopped after k batches would
    have. In each epoch every pair comes once; rows that are missing in a bucket's last batch are padding.

    Args:
        pairs: (source ids, target ids), without `<end>`. A pair with an empty side is left out.
        tokens_per_batch: positions of a batch on each side, padding included.
        max_length: pairs of which a side, with its `<end>`, is longer are left out.
        end_id: opens and closes a target.
        seed: of the order.

    Attributes:
        left_out: how many pairs were left out.
        steps_per_epoch: batches in an epoch.
        tokens: labels in an epoch.
        batch_size, context: rows and width of the widest bucket's batches.

    Example:
        >>> data = SentencePairs([([5, 6], [7, 8, 9])], tokens_per_batch=8)
        >>> (source, target), labels, weights = next(iter(data.dataset()))
        >>> source.numpy().tolist(), target.numpy().tolist()
        ([[5, 6, 0, 0, 0, 0, 0, 0]], [[2, 7, 8, 9, 0, 0, 0, 0]])

    Raises:
        LmbookError: no pair is left, or a batch cannot hold the longest.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
        *,
        tokens_per_batch: int,
        max_length: int = BUCKETS[-1],
        end_id: int = 2,
        seed: int = 0,
    ):
        if not 0 < max_length <= BUCKETS[-1]:
            raise LmbookError(f"max_length is {max_length}.", f"It must be 1 to {BUCKETS[-1]}.")
        kept = [(s, t) for s, t in pairs if len(s) and len(t) and max(len(s), len(t) + 1) <= max_length]
        if not kept:
            raise LmbookError(
                f"None of the {len(pairs)} pairs has two sides of 1 to {max_length} tokens.",
                "Give pairs of sentences, or a larger max_length.",
            )
        self.left_out, self.seed, self.tokens_per_batch = len(pairs) - len(kept), seed, tokens_per_batch
        widths = np.array([bucket_width(max(len(s), len(t) + 1)) for s, t in kept])
        parts = []  # (source, read, labels), each [N, W]
        for width in sorted(set(widths)):
            members = [kept[index] for index in np.flatnonzero(widths == width)]
            source = padded([s for s, _ in members], width)
            read = padded([[end_id, *t] for _, t in members], width)
            labels = padded([[*t, end_id] for _, t in members], width)
            parts.append((source, read, labels))
        self._buckets = Buckets(parts, tokens_per_batch, seed)
        self.steps_per_epoch = self._buckets.steps_per_epoch
        self.tokens = sum(len(t) + 1 for _, t in kept)
        self.batch_size, self.context = self._buckets.batch_size, self._buckets.context

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches number `start_step`, … of the endless run; `steps` of them (default: one epoch).

        Returns:
            a data set of known length, of ((source int32 [B, W], target int32 [B, W]), labels int32 [B, W],
            weights float32 [B, W]); B and W are those of the batch's bucket.
        """
        steps = self.steps_per_epoch if steps is None else steps
        ids, weights = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)
        batches = tf.data.Dataset.from_generator(
            lambda: self._from(start_step, steps), output_signature=((ids, ids), ids, weights)
        )
        return batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)

    @property
    def description(self) -> str:
        """The settings and the sha256 of the ids, to tell this data from other data."""
        digest = self._buckets.digest
        return f"{self.tokens} labels with sha256 {digest[:16]}, {self.tokens_per_batch=}, {self.seed=}"

    def _from(self, start_step: int, steps: int):
        for source, read, labels in self._buckets.batches(start_step, steps):
            yield (source, read), labels, (labels != 0).astype(np.float32)


def padded_sources(sources: Sequence[Sequence[int]]) -> np.ndarray:
    """Sources in the rows of one array int32 [N, W], filled up with 0; W is the width of the longest one's bucket.

    Raises:
        LmbookError: a source is longer than the widest bucket.
    """
    return padded(sources, bucket_width(max(map(len, sources), default=1)))
