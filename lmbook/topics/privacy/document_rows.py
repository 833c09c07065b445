"""Training rows of one document each, in the order given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError


def document_rows(
    documents: Sequence[Sequence[int]], width: int, end_id: int = 2, pad_id: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows x, y int32 [N, width] and w float32 [N, width]: `<end> d1 … dn` with the labels `d1 … dn <end>`.

    Args:
        documents: lists of ids, without `<end>`, each shorter than `width`.
        width: of a row.
        end_id: opens and closes a document.
        pad_id: of positions that hold nothing; their w is 0.

    Raises:
        LmbookError: a document is too long.
    """
    longest = max(map(len, documents), default=0)
    if longest >= width:
        raise LmbookError(
            f"A document of {longest} tokens and its <end> do not fit in a row of {width}.",
            f"Take width={longest + 1}.",
        )
    x = np.full((len(documents), width), pad_id, np.int32)
    y, w = x.copy(), np.zeros(x.shape, np.float32)
    for row, document in enumerate(documents):
        size = len(document) + 1
        x[row, :size], y[row, :size], w[row, :size] = [end_id, *document], [*document, end_id], 1.0
    return x, y, w
