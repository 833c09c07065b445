"""Batches of texts in which each word has a tag, for token classification."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import IDS, WEIGHTS
from lmbook.pipelines.buckets import BucketedBatches, Column
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer

CLOSING = 2  # tokens of a row beside those of its words


def word_row(
    pieces: Sequence[Sequence[int]], marked: Sequence[bool], tokenizer: Tokenizer | SpecialIds
) -> tuple[list[int], list[int], list[int]]:
    """A text as BERT reads it, word by word.

    Args:
        pieces: the ids of each word, at least one.
        marked: the words that stand in segment 1: those with a capital, for a model that sees small letters only.
        tokenizer: its `first_id` and `end_id` open and close the row.

    Returns:
        ids [T], segments [T], and for each word the place of its first piece.
    """
    ids, segments, places = [tokenizer.first_id], [0], []
    for word, mark in zip(pieces, marked, strict=True):
        places.append(len(ids))
        ids += word
        segments += [int(mark)] * len(word)
    return [*ids, tokenizer.end_id], [*segments, 0], places


class TaggedWords(BucketedBatches):
    """Rows of words; the tag of a word is learned at its first piece, and nothing at the others and at padding.

    A batch is ((ids int32 [B, W], segments int32 [B, W]), y int32 [B, W], w float32 [B, W]): w is 1 at the first piece
    of a word, and y there the number of its tag.

    Args:
        rows: of each text, as from `word_row`: (ids, segments, places).
        tags: the number of the tag of each word.
        tokenizer: its `pad_id` fills up the rows.
        tokens_per_batch: positions of a batch, padding included.
        seed: of the order.

    Attributes:
        steps_per_epoch, batch_size, context: see `BucketedBatches`.

    Example:
        >>> ids = SpecialIds(first_id=2, end_id=3)
        >>> data = TaggedWords([word_row([[5, 6], [7]], [True, False], ids)], [[1, 0]], ids, tokens_per_batch=8)
        >>> (ids, segments), y, w = next(iter(data.dataset()))
        >>> ids.numpy().tolist(), segments.numpy().tolist()
        ([[2, 5, 6, 7, 3, 0, 0, 0]], [[0, 1, 1, 0, 0, 0, 0, 0]])
        >>> y.numpy().tolist(), w.numpy().astype(int).tolist()
        ([[0, 1, 0, 0, 0, 0, 0, 0]], [[0, 1, 0, 1, 0, 0, 0, 0]])

    Raises:
        LmbookError: a text has not one tag for each word, or a row does not fit a batch.
    """

    signature = ((IDS, IDS), IDS, WEIGHTS)

    def __init__(
        self,
        rows: Sequence[tuple[Sequence[int], Sequence[int], Sequence[int]]],
        tags: Sequence[Sequence[int]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        tokens_per_batch: int,
        seed: int = 0,
    ):
        if not rows or [len(places) for _, _, places in rows] != [len(row) for row in tags]:
            raise LmbookError(f"{len(rows)} texts do not fit {len(tags)} rows of tags.", "Give one tag for each word.")
        labels, weights = [], []
        for (ids, _, places), of_words in zip(rows, tags, strict=True):
            label, weight = np.zeros(len(ids), np.int32), np.zeros(len(ids), np.float32)
            label[places], weight[places] = of_words, 1.0
            labels.append(label)
            weights.append(weight)
        columns = [
            Column([ids for ids, _, _ in rows], tokenizer.pad_id),
            Column([segments for _, segments, _ in rows], 0),
            Column(labels, 0),
            Column(weights, 0.0, np.float32),
        ]
        super().__init__(columns, [len(ids) for ids, _, _ in rows], tokens_per_batch=tokens_per_batch, seed=seed)

    @property
    def description(self) -> str:
        """The settings and the sha256 of the rows, to tell this data from other data."""
        rows = sum(map(len, self._members))
        return f"{rows} tagged texts with sha256 {self._digest()}, {self.tokens_per_batch=}, {self.seed=}"

    def _arrange(self, ids, segments, labels, weights):
        return (ids, segments), labels, weights
