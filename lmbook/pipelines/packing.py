"""What BERT reads: one text or two in a row, opened and closed by special tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError


def pack(
    first: Sequence[Sequence[int]],
    first_id: int,
    end_id: int,
    second: Sequence[Sequence[int]] | None = None,
    *,
    length: int | None = None,
    pad_id: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows `[CLS] first [SEP]` or `[CLS] first [SEP] second [SEP]`, filled up with padding.

    A pair that is too long loses tokens at the end of its longer text, until it fits.

    Args:
        first: ids of the first texts.
        first_id: `[CLS]`, which opens a row.
        end_id: `[SEP]`, which closes a text.
        second: ids of the second texts, as many; None: there are none.
        length: T; None: that of the longest row.
        pad_id: fills a row.

    Returns:
        (ids int32 [B, T], segments int32 [B, T]); segments are 1 in the second text and its `[SEP]`, else 0.

    Raises:
        LmbookError: there are other numbers of first and second texts, or `length` has no room for any text.
    """
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
        rows.append(([first_id, *a, end_id], [] if b is None else [*b, end_id]))
    width = length or max((len(a) + len(b) for a, b in rows), default=0)
    ids = np.full((len(rows), width), pad_id, np.int32)
    segments = np.zeros_like(ids)
    for row, (a, b) in enumerate(rows):
        ids[row, : len(a) + len(b)] = a + b
        segments[row, len(a) : len(a) + len(b)] = 1
    return ids, segments


def _fitting(a: list[int], b: list[int] | None, room: int) -> tuple[list[int], list[int] | None]:
    """Both cut, the longer one first, until they have `room` tokens together."""
    if b is None:
        return a[:room], None
    if len(a) + len(b) <= room:
        return a, b
    kept = min(len(b), max(room // 2, room - len(a)))
    return a[: room - kept], b[:kept]
