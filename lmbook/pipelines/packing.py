"""Rows for BERT: one text or a pair of texts, opened and closed by special tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import check_ids, padded
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer


def pack(
    first: Sequence[Sequence[int]],
    tokenizer: Tokenizer | SpecialIds,
    second: Sequence[Sequence[int]] | None = None,
    *,
    length: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows `[CLS] first [SEP]` or `[CLS] first [SEP] second [SEP]`, filled up with padding.

    A pair that is too long loses tokens at the end of its longer text, until it fits.

    Args:
        first: ids of the first texts.
        tokenizer: its `first_id` is `[CLS]`, which opens a row, its `end_id` is `[SEP]`, which closes a text, and its
            `pad_id` fills a row.
        second: ids of the second texts, as many; None: there are none.
        length: T; None: that of the longest row.

    Returns:
        (ids int32 [B, T], segments int32 [B, T]); segments are 1 in the second text and its `[SEP]`, else 0.

    Raises:
        LmbookError: there are other numbers of first and second texts, or `length` has no room for any text.
    """
    check_ids([*first, *(second or [])])
    seconds = [None] * len(first) if second is None else second
    if len(seconds) != len(first):
        raise LmbookError(f"There are {len(first)} first texts, but {len(seconds)} second ones.", "Give pairs.")
    special = 2 if second is None else 3
    if length is not None and length <= special:
        raise LmbookError(f"length={length} has no room for a text.", f"Choose at least {special + 1}.")
    rows = []
    for a, b in zip(first, seconds, strict=True):
        a, b = list(a), None if b is None else list(b)
        if length is not None:
            a, b = _fitting(a, b, length - special)
        rows.append(([tokenizer.first_id, *a, tokenizer.end_id], [] if b is None else [*b, tokenizer.end_id]))
    width = length or max((len(a) + len(b) for a, b in rows), default=0)
    segments = padded([[0] * len(a) + [1] * len(b) for a, b in rows], width, 0)
    return padded([a + b for a, b in rows], width, tokenizer.pad_id), segments


def _fitting(a: list[int], b: list[int] | None, room: int) -> tuple[list[int], list[int] | None]:
    """Both cut, the longer one first, until they have `room` tokens together."""
    if b is None:
        return a[:room], None
    if len(a) + len(b) <= room:
        return a, b
    kept = min(len(b), max(room // 2, room - len(a)))
    return a[: room - kept], b[:kept]
