"""Batches of sentence pairs: one sentence to read, one to write."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError

BUCKETS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # widths; each is compiled once


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
        widths = np.array([next(w for w in BUCKETS if w >= max(len(s), len(t) + 1)) for s, t in kept])
        self._buckets = []  # (source, read, labels), each [N, W]
        for width in sorted(set(widths)):
            if width > tokens_per_batch:
                raise LmbookError(
                    f"tokens_per_batch={tokens_per_batch} is less than a pair's width, {width}.",
                    f"Choose at least {width}, or leave longer pairs out with max_length.",
                )
            members = [kept[index] for index in np.flatnonzero(widths == width)]
            source = _padded([s for s, _ in members], width)
            read = _padded([[end_id, *t] for _, t in members], width)
            labels = _padded([[*t, end_id] for _, t in members], width)
            self._buckets.append((source, read, labels))
        self._rows = [tokens_per_batch // labels.shape[1] for _, _, labels in self._buckets]
        self._batches = [
            -(-len(labels) // rows) for (_, _, labels), rows in zip(self._buckets, self._rows, strict=True)
        ]
        self.steps_per_epoch = sum(self._batches)
        self.tokens = sum(len(t) + 1 for _, t in kept)
        self.batch_size, self.context = self._rows[-1], self._buckets[-1][2].shape[1]

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
        digest = hashlib.sha256()
        for part in (part for bucket in self._buckets for part in bucket):
            digest.update(part.tobytes())
        return f"{self.tokens} labels with sha256 {digest.hexdigest()[:16]}, {self.tokens_per_batch=}, {self.seed=}"

    def _from(self, start_step: int, steps: int) -> Iterator:
        for step in range(start_step, start_step + steps):
            epoch, place = divmod(step, self.steps_per_epoch)
            if step == start_step or place == 0:
                order = self._epoch(epoch)
            bucket, members = order[place]
            source, read, labels = (part[members] for part in self._buckets[bucket])
            missing = self._rows[bucket] - len(members)
            if missing:
                source, read, labels = (np.pad(part, ((0, missing), (0, 0))) for part in (source, read, labels))
            yield (source, read), labels, (labels != 0).astype(np.float32)

    def _epoch(self, epoch: int) -> list[tuple[int, np.ndarray]]:
        """(bucket, its pairs) for each batch of the epoch."""
        rng = np.random.Generator(np.random.PCG64([self.seed, epoch]))
        batches = []
        for bucket, rows in enumerate(self._rows):
            shuffled = rng.permutation(len(self._buckets[bucket][2]))
            batches += [(bucket, shuffled[first : first + rows]) for first in range(0, len(shuffled), rows)]
        return [batches[index] for index in rng.permutation(len(batches))]


def padded_sources(sources: Sequence[Sequence[int]]) -> np.ndarray:
    """Sources in the rows of one array int32 [N, W], filled up with 0; W is the width of the longest one's bucket.

    Raises:
        LmbookError: a source is longer than the widest bucket.
    """
    longest = max(map(len, sources), default=1)
    if longest > BUCKETS[-1]:
        raise LmbookError(f"A source has {longest} tokens.", f"Cut it into parts of at most {BUCKETS[-1]}.")
    return _padded(sources, next(width for width in BUCKETS if width >= longest))


def _padded(rows: Sequence[Sequence[int]], width: int) -> np.ndarray:
    array = np.zeros((len(rows), width), np.int32)
    for row, ids in zip(array, rows, strict=True):
        row[: len(ids)] = ids
    return array
