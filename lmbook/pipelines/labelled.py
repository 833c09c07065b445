"""Batches of texts with a class each, for classifiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import IDS, check_ids
from lmbook.pipelines.buckets import BUCKETS, BucketedBatches, Column
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer


class LabelledTexts(BucketedBatches):
    """Rows `<first> text <end>` and their classes, each row with others of about its length.

    A text that is too long loses its end. A batch is (ids int32 [B, W], classes int32 [B], weights float32 [B]); a row
    of weight 0 holds nothing.

    Args:
        texts: lists of ids, without special ones.
        classes: the number of each text's class, from 0.
        tokenizer: its `first_id` and `end_id` open and close a row, and its `pad_id` fills it up.
        tokens_per_batch: positions of a batch, padding included: short texts come in batches of more rows.
        max_length: tokens of a row, `<first>` and `<end>` and padding included.
        seed: of the order.

    Attributes:
        classes: int32 [N].
        cut: how many texts lost their end.
        steps_per_epoch, batch_size, context: see `BucketedBatches`.

    Example:
        >>> data = LabelledTexts([[5, 6], [7]], [0, 1], SpecialIds(), tokens_per_batch=16)
        >>> ids, classes, weights = next(iter(data.dataset()))
        >>> ids.shape, sorted(classes.numpy().tolist()), weights.numpy().tolist()
        (TensorShape([2, 8]), [0, 1], [1.0, 1.0])

    Raises:
        LmbookError: there is no text, not one class for each, or an argument is out of its range.
    """

    signature = (IDS, tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32))

    def __init__(
        self,
        texts: Sequence[Sequence[int]],
        classes: Sequence[int],
        tokenizer: Tokenizer | SpecialIds,
        *,
        tokens_per_batch: int,
        max_length: int = BUCKETS[-1],
        seed: int = 0,
    ):
        self.classes = np.asarray(classes, np.int32)
        if not len(texts) or len(self.classes) != len(texts):
            raise LmbookError(f"There are {len(texts)} texts and {len(self.classes)} classes.", "Give one for each.")
        if self.classes.min() < 0:
            raise LmbookError(f"A class has the number {self.classes.min()}.", "Number the classes from 0.")
        if not 2 < max_length <= BUCKETS[-1]:
            raise LmbookError(f"max_length is {max_length}.", f"It must be 3 to {BUCKETS[-1]}.")
        check_ids(texts)
        self.cut = sum(len(text) > max_length - 2 for text in texts)
        rows = [[tokenizer.first_id, *text[: max_length - 2], tokenizer.end_id] for text in texts]
        columns = [
            Column(rows, tokenizer.pad_id),
            Column(self.classes[:, None], 0, fixed=True),
            Column([[1.0]] * len(rows), 0.0, np.float32, fixed=True),
        ]
        widths = [*(width for width in BUCKETS if width < max_length), max_length]
        super().__init__(columns, list(map(len, rows)), widths=widths, tokens_per_batch=tokens_per_batch, seed=seed)

    @property
    def description(self) -> str:
        """The settings and the sha256 of texts and classes, to tell this data from other data."""
        settings = f"tokens_per_batch={self.tokens_per_batch}, seed={self.seed}"
        return f"{len(self.classes)} texts with sha256 {self._digest()}, {settings}"

    def each(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What `function` makes of every text, in their order: ids [B, W] -> [B, …] gives [N, …]."""
        return np.stack(self._each(function, columns=(0,)))

    def _arrange(self, ids, classes, weights):
        return ids, classes[:, 0], weights[:, 0]
