"""Batches of texts in which each word has a tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.buckets import Buckets, bucket_width, padded

CLOSING = 2  # tokens of a row beside those of its words


def word_row(
    pieces: Sequence[Sequence[int]], marked: Sequence[bool], first_id: int, end_id: int
) -> tuple[list[int], list[int], list[int]]:
    """A text as BERT reads it, word by word.

    Args:
        pieces: the ids of each word, at least one.
        marked: the words that stand in segment 1: those with a capital, for a model that sees small letters only.
        first_id, end_id: open and close the row.

    Returns:
        ids [T], segments [T], and for each word the place of its first piece.
    """
    ids, segments, places = [first_id], [0], []
    for word, mark in zip(pieces, marked, strict=True):
        places.append(len(ids))
        ids += word
        segments += [int(mark)] * len(word)
    return [*ids, end_id], [*segments, 0], places


class TaggedWords:
    """Rows of words; the tag of a word is learned at its first piece, and nothing at the others and at padding.

    Rows of about the same length share a batch (`Buckets`); batch k is a pure function of (seed, k).

    Args:
        rows: of each text, as from `word_row`: (ids, segments, places).
        tags: the number of the tag of each word.
        tokens_per_batch: positions of a batch, padding included.
        seed: of the order.

    Attributes:
        steps_per_epoch: batches in an epoch.

    Example:
        >>> data = TaggedWords([word_row([[5, 6], [7]], [True, False], 2, 3)], [[1, 0]], tokens_per_batch=8)
        >>> (ids, segments), y, w = next(iter(data.dataset()))
        >>> ids.numpy().tolist(), segments.numpy().tolist()
        ([[2, 5, 6, 7, 3, 0, 0, 0]], [[0, 1, 1, 0, 0, 0, 0, 0]])
        >>> y.numpy().tolist(), w.numpy().astype(int).tolist()
        ([[0, 1, 0, 0, 0, 0, 0, 0]], [[0, 1, 0, 1, 0, 0, 0, 0]])

    Raises:
        LmbookError: a text has not one tag for each word, or a row does not fit a batch.
    """

    def __init__(
        self,
        rows: Sequence[tuple[Sequence[int], Sequence[int], Sequence[int]]],
        tags: Sequence[Sequence[int]],
        *,
        tokens_per_batch: int,
        seed: int = 0,
    ):
        if not rows or [len(places) for _, _, places in rows] != [len(row) for row in tags]:
            raise LmbookError(f"{len(rows)} texts do not fit {len(tags)} rows of tags.", "Give one tag for each word.")
        widths = np.array([bucket_width(len(ids)) for ids, _, _ in rows])
        parts = []  # (ids, segments, labels, weights), each [N, W]
        for width in sorted(set(widths)):
            members = np.flatnonzero(widths == width)
            labels = np.zeros((len(members), width), np.int32)
            weights = np.zeros((len(members), width), np.float32)
            for row, member in enumerate(members):
                labels[row, rows[member][2]], weights[row, rows[member][2]] = tags[member], 1.0
            ids, segments = (padded([rows[member][part] for member in members], width) for part in (0, 1))
            parts.append((ids, segments, labels, weights))
        self._buckets = Buckets(parts, tokens_per_batch, seed)
        self.steps_per_epoch = self._buckets.steps_per_epoch

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches number `start_step`, … of the endless run; `steps` of them (default: one epoch).

        Returns:
            a data set of known length, of ((ids int32 [B, W], segments int32 [B, W]), y int32 [B, W], w float32
            [B, W]): w is 1 at the first piece of a word, and y there the number of its tag.
        """
        steps = self.steps_per_epoch if steps is None else steps
        ids, weights = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)
        batches = tf.data.Dataset.from_generator(
            lambda: self._batches(start_step, steps), output_signature=((ids, ids), ids, weights)
        )
        return batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)

    def _batches(self, start_step: int, steps: int) -> Iterator[tuple]:
        for ids, segments, labels, weights in self._buckets.batches(start_step, steps):
            yield (ids, segments), labels, weights
