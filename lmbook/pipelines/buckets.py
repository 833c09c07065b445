"""Batches of rows of similar length: rows of different lengths, sorted into a few widths."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import IDS, WEIGHTS, NumberedBatches, padded

BUCKETS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # widths; each is compiled once


class Column(NamedTuple):
    """One part of every row, such as its ids or its weights.

    Args:
        rows: N sequences, or arrays [length, …].
        fill: stands where a row has nothing more, and in the rows that only fill up a batch.
        dtype: of the batches.
        fixed: all rows have one length and keep it; False: they are filled up to the width of their batch.
    """

    rows: Sequence[Sequence]
    fill: float
    dtype: type = np.int32
    fixed: bool = False

    def padded(self, members: Sequence[int], width: int) -> np.ndarray:
        """Some of the rows in an array."""
        width = len(self.rows[0]) if self.fixed else width
        return padded([self.rows[member] for member in members], width, self.fill, self.dtype)


class BucketedBatches(NumberedBatches):
    """Batches of rows of about the same length, so that little padding is computed.

    A row goes to the least of the widths that holds it. All batches of a width W have the same shape, and batches of
    all widths about the same number of positions. In each epoch every row comes once, in another order; the rows that
    are missing in a width's last batch hold nothing.

    Args:
        columns: of all rows; a batch has an array [B, W, …] of each.
        lengths: how many positions each row needs, [N].
        widths: to choose from, rising.
        tokens_per_batch: positions of a batch, padding included.
        seed: of the order.

    Attributes:
        steps_per_epoch: batches in an epoch.
        batch_size, context: rows and width of the widest batches.

    Raises:
        LmbookError: there is no row, one is longer than the widest, a batch cannot hold one, or the widths do not rise.
    """

    signature = (IDS, IDS, WEIGHTS)

    def __init__(
        self,
        columns: Sequence[Column],
        lengths: Sequence[int],
        *,
        widths: Sequence[int] = BUCKETS,
        tokens_per_batch: int,
        seed: int = 0,
    ):
        check_widths(widths)
        if not len(lengths):
            raise LmbookError("There is no row to make batches of.", "Give at least one.")
        needed = np.array([bucket_width(length, widths) for length in lengths])
        used = sorted(set(needed.tolist()))
        if used[-1] > tokens_per_batch:
            raise LmbookError(
                f"tokens_per_batch={tokens_per_batch} is less than a row's width, {used[-1]}.",
                f"Choose at least {used[-1]}, or leave longer rows out.",
            )
        self._members = [np.flatnonzero(needed == width) for width in used]
        self._parts = [
            [column.padded(members, width) for column in columns]
            for width, members in zip(used, self._members, strict=True)
        ]
        self._fills, self._sizes = [c.fill for c in columns], [tokens_per_batch // width for width in used]
        self.tokens_per_batch, self.seed = tokens_per_batch, seed
        self.steps_per_epoch = sum(-(-len(m) // size) for m, size in zip(self._members, self._sizes, strict=True))
        self.batch_size, self.context = self._sizes[-1], used[-1]

    def _arrange(self, *columns: np.ndarray):
        """A batch as the model takes it, from its columns."""
        return columns

    def _batches(self, start_step: int, steps: int) -> Iterator:
        for step in range(start_step, start_step + steps):
            epoch, place = divmod(step, self.steps_per_epoch)
            if step == start_step or place == 0:
                order = self._epoch(epoch)
            yield self._arrange(*self._batch(*order[place]))

    def _epoch(self, epoch: int) -> list[tuple[int, np.ndarray]]:
        """(bucket, its rows) for each batch of the epoch."""
        rng = np.random.Generator(np.random.PCG64([self.seed, epoch]))
        batches = []
        for bucket, size in enumerate(self._sizes):
            shuffled = rng.permutation(len(self._members[bucket]))
            batches += [(bucket, shuffled[first : first + size]) for first in range(0, len(shuffled), size)]
        return [batches[index] for index in rng.permutation(len(batches))]

    def _batch(self, bucket: int, rows: np.ndarray) -> list[np.ndarray]:
        """The columns of some rows of a bucket, filled up to the bucket's number of rows."""
        filled = []
        for column, fill in zip(self._parts[bucket], self._fills, strict=True):
            missing = ((0, self._sizes[bucket] - len(rows)),) + ((0, 0),) * (column.ndim - 1)
            filled.append(np.pad(column[rows], missing, constant_values=fill))
        return filled

    def _each(self, function: Callable[..., np.ndarray], columns: Sequence[int]) -> list[np.ndarray]:
        """What `function` makes of every row, in the order in which they were given.

        Args:
            function: the columns of as many rows as a batch has -> [B, …]; so it meets one shape for each width.
            columns: the numbers of those that it is given.
        """
        found = [None] * sum(map(len, self._members))
        for bucket, members in enumerate(self._members):
            for first in range(0, len(members), self._sizes[bucket]):
                rows = np.arange(first, min(first + self._sizes[bucket], len(members)))
                batch = self._batch(bucket, rows)
                values = np.asarray(function(*(batch[column] for column in columns)))
                for row, value in zip(rows, values, strict=False):
                    found[members[row]] = value
        return found

    def _digest(self, columns: int | None = None) -> str:
        """The beginning of the sha256 of all rows; `columns`: of their first ones alone."""
        digest = hashlib.sha256()
        for column in (column for part in self._parts for column in part[:columns]):
            digest.update(column.tobytes())
        return digest.hexdigest()[:16]


def bucket_width(length: int, widths: Sequence[int] = BUCKETS) -> int:
    """The least width that holds `length` tokens.

    Raises:
        LmbookError: there is none.
    """
    if length > widths[-1]:
        raise LmbookError(f"A text has {length} tokens.", f"Cut it into parts of at most {widths[-1]}.")
    return next(width for width in widths if width >= length)


def check_widths(widths: Sequence[int]) -> None:
    """Check that the widths are rising numbers.

    Raises:
        LmbookError: they are not.
    """
    if not widths or list(widths) != sorted(set(widths)) or widths[0] < 1:
        raise LmbookError(f"widths={list(widths)} are not rising numbers from 1 on.", "Give for example (64, 128).")
