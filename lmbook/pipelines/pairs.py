"""Batches of sentence pairs, for models that read one sentence and write the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import IDS, WEIGHTS, check_ids, padded
from lmbook.pipelines.buckets import BUCKETS, BucketedBatches, Column, bucket_width
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer


class SentencePairs(BucketedBatches):
    """Pairs of a source and a target, with others of about their length, so that little padding is computed.

    A pair of lengths (s, t) goes to the first bucket of a width W >= max(s, t + 1). The source is read as it is; the
    decoder reads `<end> t1 … tn`, and its labels are `t1 … tn <end>`. A batch is ((source int32 [B, W], target int32
    [B, W]), labels int32 [B, W], weights float32 [B, W]).

    Args:
        pairs: (source ids, target ids), without `<end>`. A pair with an empty side is left out.
        tokenizer: its `end_id` opens and closes a target, and its `pad_id` fills up all rows.
        tokens_per_batch: positions of a batch on each side, padding included.
        max_length: pairs of which a side, with its `<end>`, is longer are left out.
        seed: of the order.

    Attributes:
        left_out: how many pairs were left out.
        tokens: labels in an epoch.
        steps_per_epoch, batch_size, context: see `BucketedBatches`.

    Example:
        >>> data = SentencePairs([([5, 6], [7, 8, 9])], SpecialIds(), tokens_per_batch=8)
        >>> (source, target), labels, weights = next(iter(data.dataset()))
        >>> source.numpy().tolist(), target.numpy().tolist()
        ([[5, 6, 0, 0, 0, 0, 0, 0]], [[2, 7, 8, 9, 0, 0, 0, 0]])

    Raises:
        LmbookError: no pair is left, or a batch cannot hold the longest.
    """

    signature = ((IDS, IDS), IDS, WEIGHTS)

    def __init__(
        self,
        pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        tokens_per_batch: int,
        max_length: int = BUCKETS[-1],
        seed: int = 0,
    ):
        if not 0 < max_length <= BUCKETS[-1]:
            raise LmbookError(f"max_length is {max_length}.", f"It must be 1 to {BUCKETS[-1]}.")
        check_ids(side for pair in pairs for side in pair)
        kept = [(s, t) for s, t in pairs if len(s) and len(t) and max(len(s), len(t) + 1) <= max_length]
        if not kept:
            raise LmbookError(
                f"None of the {len(pairs)} pairs has two sides of 1 to {max_length} tokens.",
                "Give pairs of sentences, or a larger max_length.",
            )
        end, pad = tokenizer.end_id, tokenizer.pad_id
        columns = [
            Column([s for s, _ in kept], pad),
            Column([[end, *t] for _, t in kept], pad),
            Column([[*t, end] for _, t in kept], pad),
            Column([[1.0] * (len(t) + 1) for _, t in kept], 0.0, np.float32),
        ]
        lengths = [max(len(s), len(t) + 1) for s, t in kept]
        super().__init__(columns, lengths, tokens_per_batch=tokens_per_batch, seed=seed)
        self.left_out, self.tokens = len(pairs) - len(kept), sum(len(t) + 1 for _, t in kept)

    def __len__(self) -> int:
        """How many pairs there are."""
        return sum(map(len, self._members))

    @property
    def description(self) -> str:
        """The settings and the sha256 of the ids, to tell this data from other data."""
        return f"{self.tokens} labels with sha256 {self._digest(3)}, {self.tokens_per_batch=}, {self.seed=}"

    def _arrange(self, source, target, labels, weights):
        return (source, target), labels, weights


def padded_sources(sources: Sequence[Sequence[int]], tokenizer: Tokenizer | SpecialIds) -> np.ndarray:
    """Sources in the rows of one array int32 [N, W], filled up with padding; W is the longest one's bucket.

    Raises:
        LmbookError: a source is longer than the widest bucket.
    """
    return padded(sources, bucket_width(max(map(len, sources), default=1)), tokenizer.pad_id)
