"""Batches of texts with a class each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.buckets import BUCKETS, Buckets, bucket_width, padded


class LabelledTexts:
    """Rows `<first> text <end>` and their classes, each row with others of about its length.

    A text that is too long loses its end. Batch k is a pure function of (seed, k); in each epoch every text comes once.

    Args:
        texts: lists of ids, without special ones.
        classes: the number of each text's class, from 0.
        tokens_per_batch: positions of a batch, padding included: short texts come in batches of more rows.
        max_length: tokens of a row, `<first>` and `<end>` and padding included.
        first_id, end_id: open and close a row.
        seed: of the order.

    Attributes:
        classes: int32 [N].
        steps_per_epoch: batches in an epoch.
        batch_size, context: rows and width of the widest bucket's batches.

    Example:
        >>> data = LabelledTexts([[5, 6], [7]], [0, 1], tokens_per_batch=16)
        >>> ids, classes, weights = next(iter(data.dataset()))
        >>> ids.shape, sorted(classes.numpy().tolist()), weights.numpy().tolist()
        (TensorShape([2, 8]), [0, 1], [1.0, 1.0])

    Raises:
        LmbookError: there is no text, not one class for each, or an argument is out of its range.
    """

    def __init__(
        self,
        texts: Sequence[Sequence[int]],
        classes: Sequence[int],
        *,
        tokens_per_batch: int,
        max_length: int = BUCKETS[-1],
        first_id: int = 2,
        end_id: int = 2,
        seed: int = 0,
    ):
        self.classes = np.asarray(classes, np.int32)
        if not len(texts) or len(self.classes) != len(texts):
            raise LmbookError(f"There are {len(texts)} texts and {len(self.classes)} classes.", "Give one for each.")
        if self.classes.min() < 0:
            raise LmbookError(f"A class has the number {self.classes.min()}.", "Number the classes from 0.")
        if not 2 < max_length <= BUCKETS[-1]:
            raise LmbookError(f"max_length is {max_length}.", f"It must be 3 to {BUCKETS[-1]}.")
        rows = [[first_id, *text[: max_length - 2], end_id] for text in texts]
        widths = np.array([min(bucket_width(len(row)), max_length) for row in rows])
        self._members = [np.flatnonzero(widths == width) for width in sorted(set(widths))]
        self._rows = [padded([rows[i] for i in places], widths[places[0]]) for places in self._members]
        weights = np.ones((len(rows), 1), np.float32)
        parts = [
            (ids, self.classes[places, None], weights[places])
            for ids, places in zip(self._rows, self._members, strict=True)
        ]
        self._buckets, self._tokens_per_batch = Buckets(parts, tokens_per_batch, seed), tokens_per_batch
        self._seed, self.steps_per_epoch = seed, self._buckets.steps_per_epoch
        self.batch_size, self.context = self._buckets.batch_size, self._buckets.context

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches number `start_step`, … of the endless run; `steps` of them (default: one epoch).

        Returns:
            a data set of known length, of (ids int32 [B, W], classes int32 [B], weights float32 [B]); B and W are those
            of the batch's bucket, and a row of weight 0 holds nothing.
        """
        steps = self.steps_per_epoch if steps is None else steps
        kinds = ([None, None], tf.int32), ([None], tf.int32), ([None], tf.float32)
        batches = tf.data.Dataset.from_generator(
            lambda: self._batches(start_step, steps), output_signature=tuple(tf.TensorSpec(*kind) for kind in kinds)
        )
        return batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)

    @property
    def description(self) -> str:
        """The settings and the sha256 of texts and classes, to tell this data from other data."""
        digest, tokens, seed = self._buckets.digest[:16], self._tokens_per_batch, self._seed
        return f"{len(self.classes)} texts with sha256 {digest}, tokens_per_batch={tokens}, seed={seed}"

    def each(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What `function` makes of every text, in their order: ids [B, W] -> [B, …] gives [N, …]."""
        found = [None] * len(self.classes)
        for ids, places in zip(self._rows, self._members, strict=True):
            size = self._tokens_per_batch // ids.shape[1]
            for first in range(0, len(ids), size):
                piece = ids[first : first + size]
                full = np.pad(piece, ((0, size - len(piece)), (0, 0)))  # one shape for each width
                for place, value in zip(places[first : first + size], np.asarray(function(full)), strict=False):
                    found[place] = value
        return np.stack(found)

    def _batches(self, start_step: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        for ids, classes, weights in self._buckets.batches(start_step, steps):
            yield ids, classes[:, 0], weights[:, 0]
