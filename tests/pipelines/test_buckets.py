from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import padded
from lmbook.pipelines.buckets import BUCKETS, BucketedBatches, Column, bucket_width


def numbered(*lengths, seed=3, tokens_per_batch=16):
    """Three columns of rows of these lengths, filled with the row's number from 1 on: two with it, one with its tenth.

    The third has one value for each row.
    """
    rows = [[number] * length for number, length in enumerate(lengths, start=1)]
    columns = [
        Column(rows, -1),
        Column([[value / 10 for value in row] for row in rows], 0.5, np.float32),
        Column([[number] for number in range(1, len(rows) + 1)], -7, fixed=True),
    ]
    return BucketedBatches(columns, lengths, widths=(4, 8), tokens_per_batch=tokens_per_batch, seed=seed)


LENGTHS = (4, 3, 2, 4, 4, 1, 4, 5, 8, 6, 7, 8)


def test_an_epoch_deals_every_row_once_with_its_columns_together_and_fills_up_with_the_columns_own_values():
    data = numbered(*LENGTHS)
    assert (data.steps_per_epoch, data.batch_size, data.context) == (2 + 3, 2, 8)
    for epoch in range(2):
        found = []
        for ids, tenths, numbers in data._batches(epoch * 5, 5):
            assert ids.size == 16 and ids.shape == tenths.shape and numbers.shape == (len(ids), 1)
            assert (ids.dtype, tenths.dtype, numbers.dtype) == (np.int32, np.float32, np.int32)
            for row, tenth, (number,) in zip(ids, tenths, numbers, strict=True):
                length = 0 if number == -7 else LENGTHS[number - 1]
                assert row.tolist() == [number] * length + [-1] * (len(row) - length)
                np.testing.assert_allclose(tenth, [number / 10] * length + [0.5] * (len(row) - length), rtol=1e-6)
                found += [number] if length else []
        assert sorted(found) == list(range(1, 13))


def test_a_batch_depends_on_seed_and_number_alone():
    def deal(seed, start, steps):
        data = numbered(*[4] * 9, seed=seed, tokens_per_batch=8)
        return [ids.tolist() for ids, _, _ in data._batches(start, steps)]

    assert deal(1, 0, 12)[7:] == deal(1, 7, 5)
    assert deal(1, 0, 5) != deal(2, 0, 5) and deal(1, 0, 5) != deal(1, 5, 5)


def test_each_gives_back_the_order_of_the_rows():
    data, shapes = numbered(*LENGTHS), set()

    def first_and_sum(ids, numbers):
        shapes.add(ids.shape)
        return np.stack([numbers[:, 0], (ids * (ids > 0)).sum(axis=1)], axis=1)

    found = data._each(first_and_sum, columns=(0, 2))
    assert np.stack(found).tolist() == [[n, n * length] for n, length in enumerate(LENGTHS, start=1)]
    assert shapes == {(4, 4), (2, 8)}  # one for each width, so that little is compiled


def test_widths():
    assert [bucket_width(length) for length in (1, 8, 9, BUCKETS[-1])] == [8, 8, 12, BUCKETS[-1]]
    with pytest.raises(LmbookError, match="257 tokens"):
        bucket_width(257)
    with pytest.raises(LmbookError, match="tokens_per_batch=7"):
        numbered(8, tokens_per_batch=7)
    with pytest.raises(LmbookError, match="9 tokens"):
        numbered(9)
    with pytest.raises(LmbookError, match="no row"):
        numbered()
    with pytest.raises(LmbookError, match="widths="):
        BucketedBatches([Column([[1]], 0)], [1], widths=(8, 4), tokens_per_batch=8)


def test_padding_fills_rows_of_numbers_and_of_arrays():
    assert padded([[1, 2], []], 3, 9).tolist() == [[1, 2, 9], [9, 9, 9]]
    assert padded([[], [0.5]], 2, 0.0, np.float32).tolist() == [[0.0, 0.0], [0.5, 0.0]]
    lines = [np.array([[1, 2]]), np.array([[3, 4], [5, 6]])]
    assert padded(lines, 2, 7).tolist() == [[[1, 2], [7, 7]], [[3, 4], [5, 6]]]
    assert padded([], 3, 0).shape == (0, 3)
