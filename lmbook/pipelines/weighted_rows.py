"""Batches of rows of tokens in which each label has a weight, such as 0 where nothing is to be learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.pipelines.batches import check_ids
from lmbook.pipelines.buckets import BucketedBatches, Column
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer


class WeightedRows(BucketedBatches):
    """Rows with a weight for each label; the model reads a row and predicts each next token of it.

    A batch is (x int32 [B, W], y int32 [B, W], w float32 [B, W]).

    Args:
        rows: (ids, weights) of each row: T + 1 ids, and the weights of the last T, which are the labels.
        tokenizer: its `pad_id` fills up rows and their labels, with weight 0.
        tokens_per_batch: positions of a batch, padding included.
        widths: of the batches, rising; no row has more labels than the last.
        seed: of the order.

    Attributes:
        tokens: the weights of all labels together; the number of labels where all weights are 0 or 1.
        steps_per_epoch, batch_size, context: see `BucketedBatches`.

    Raises:
        LmbookError: there is no row, a batch cannot hold the longest, or an argument is out of its range.
    """

    def __init__(
        self,
        rows: Sequence[tuple[Sequence[int], Sequence[float]]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        tokens_per_batch: int,
        widths: Sequence[int],
        seed: int = 0,
    ):
        check_ids(ids for ids, _ in rows)
        columns = [
            Column([ids[:-1] for ids, _ in rows], tokenizer.pad_id),
            Column([ids[1:] for ids, _ in rows], tokenizer.pad_id),
            Column([weights for _, weights in rows], 0.0, np.float32),
        ]
        lengths = [len(weights) for _, weights in rows]
        super().__init__(columns, lengths, widths=widths, tokens_per_batch=tokens_per_batch, seed=seed)
        self.tokens = int(sum(w.sum() for _, _, w in self._parts))

    @property
    def description(self) -> str:
        """The settings and the sha256 of the rows, to tell this data from other data."""
        return f"{self.tokens} labels with sha256 {self._digest()}, {self.tokens_per_batch=}, {self.seed=}"
