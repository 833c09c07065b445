"""Rows of different lengths, sorted into few widths."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from lmbook.errors import LmbookError

BUCKETS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # widths; each is compiled once


class Buckets:
    """Deals rows out in batches, each of one width, so that little padding is computed.

    All batches of a width W have the same shape, and batches of all widths about the same number of positions. In each
    epoch every row comes once; the order of batch k is a pure function of (seed, k). Rows that are missing in a width's
    last batch are zeros.

    Args:
        parts: for each width the columns of its rows, arrays [N, W].
        tokens_per_batch: positions of a batch, padding included.
        seed: of the order.

    Attributes:
        steps_per_epoch: batches in an epoch.
        batch_size, context: rows and width of the widest batches.

    Raises:
        LmbookError: a batch cannot hold one row of the widest.
    """

    def __init__(self, parts: Sequence[tuple[np.ndarray, ...]], tokens_per_batch: int, seed: int):
        self._parts, self._seed = list(parts), seed
        widths = [part[0].shape[1] for part in self._parts]
        if max(widths) > tokens_per_batch:
            raise LmbookError(
                f"tokens_per_batch={tokens_per_batch} is less than a row's width, {max(widths)}.",
                f"Choose at least {max(widths)}, or leave longer rows out.",
            )
        self._rows = [tokens_per_batch // width for width in widths]
        self.steps_per_epoch = sum(-(-len(part[0]) // rows) for part, rows in zip(self._parts, self._rows, strict=True))
        self.batch_size, self.context = self._rows[-1], widths[-1]

    @property
    def digest(self) -> str:
        """sha256 of all rows."""
        digest = hashlib.sha256()
        for column in (column for part in self._parts for column in part):
            digest.update(column.tobytes())
        return digest.hexdigest()

    def batches(self, start_step: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Batches number `start_step`, … of the endless run, `steps` of them: the columns [B, W] of each."""
        for step in range(start_step, start_step + steps):
            epoch, place = divmod(step, self.steps_per_epoch)
            if step == start_step or place == 0:
                order = self._epoch(epoch)
            bucket, members = order[place]
            missing = self._rows[bucket] - len(members)
            yield tuple(np.pad(column[members], ((0, missing), (0, 0))) for column in self._parts[bucket])

    def _epoch(self, epoch: int) -> list[tuple[int, np.ndarray]]:
        """(bucket, its rows) for each batch of the epoch."""
        rng = np.random.Generator(np.random.PCG64([self._seed, epoch]))
        batches = []
        for bucket, rows in enumerate(self._rows):
            shuffled = rng.permutation(len(self._parts[bucket][0]))
            batches += [(bucket, shuffled[first : first + rows]) for first in range(0, len(shuffled), rows)]
        return [batches[index] for index in rng.permutation(len(batches))]


def bucket_width(length: int) -> int:
    """The least width that holds `length` tokens.

    Raises:
        LmbookError: there is none.
    """
    if length > BUCKETS[-1]:
        raise LmbookError(f"A text has {length} tokens.", f"Cut it into parts of at most {BUCKETS[-1]}.")
    return next(width for width in BUCKETS if width >= length)


def padded(rows: Sequence[Sequence[int]], width: int, dtype=np.int32) -> np.ndarray:
    """Rows [N, W], filled up with 0."""
    array = np.zeros((len(rows), width), dtype)
    for row, values in zip(array, rows, strict=True):
        row[: len(values)] = values
    return array
