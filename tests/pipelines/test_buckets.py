from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.pipelines.buckets import BUCKETS, Buckets, bucket_width, padded


def numbered(*sizes):
    """For each (rows, width) two columns; every row holds its own number, from 1 on, in both."""
    first, parts = 1, []
    for rows, width in sizes:
        column = np.repeat(np.arange(first, first + rows)[:, None], width, axis=1)
        parts.append((column, column * 10))
        first += rows
    return parts


def test_an_epoch_deals_every_row_once_with_its_columns_together():
    buckets = Buckets(numbered((7, 4), (5, 8)), tokens_per_batch=16, seed=3)
    assert (buckets.steps_per_epoch, buckets.batch_size, buckets.context) == (2 + 3, 2, 8)
    for epoch in range(2):
        found = []
        for one, ten in buckets.batches(epoch * 5, 5):
            assert one.size == 16 and (one * 10 == ten).all()
            found += [row[0] for row in one if row[0]]  # missing rows are zeros
        assert sorted(found) == list(range(1, 13))


def test_a_batch_depends_on_seed_and_number_alone():
    def deal(seed, start, steps):
        return [one.tolist() for one, _ in Buckets(numbered((9, 4)), 8, seed).batches(start, steps)]

    assert deal(1, 0, 12)[7:] == deal(1, 7, 5)
    assert deal(1, 0, 5) != deal(2, 0, 5) and deal(1, 0, 5) != deal(1, 5, 5)


def test_widths():
    assert [bucket_width(length) for length in (1, 8, 9, BUCKETS[-1])] == [8, 8, 12, BUCKETS[-1]]
    assert padded([[1, 2], []], 3).tolist() == [[1, 2, 0], [0, 0, 0]]
    with pytest.raises(LmbookError, match="257 tokens"):
        bucket_width(257)
    with pytest.raises(LmbookError, match="tokens_per_batch=7"):
        Buckets(numbered((1, 8)), 7, 0)
