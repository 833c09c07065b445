from __future__ import annotations

import numpy as np

from lmbook.pipelines.weighted_rows import WeightedRows
from lmbook.tokenizers.tokenizer import SpecialIds

ROWS = [([2, *range(5, 5 + n)], [1.0] * (n // 2) + [0.0] * (n - n // 2)) for n in range(2, 14)]


def test_labels_are_the_row_one_token_later_and_keep_their_weights():
    data = WeightedRows(ROWS, SpecialIds(), tokens_per_batch=16, widths=(4, 16))
    found = []
    for x, y, w in data.dataset():
        for read, labels, weights in zip(x.numpy(), y.numpy(), w.numpy(), strict=True):
            length = int(np.count_nonzero(read))
            if length:
                assert read[1:length].tolist() == labels[: length - 1].tolist()
                found.append(([*read[:length].tolist(), int(labels[length - 1])], weights[:length].tolist()))
    assert sorted(found) == sorted(ROWS)
    assert data.tokens == sum(sum(weights) for _, weights in ROWS)


def test_a_run_that_was_stopped_goes_on_where_it_was():
    data = WeightedRows(ROWS, SpecialIds(), tokens_per_batch=16, widths=(4, 16), seed=1)
    whole, rest = list(data.dataset(0, 9)), list(data.dataset(4, 5))
    for one, other in zip(whole[4:], rest, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_description_tells_data_apart():
    one, same = (WeightedRows(ROWS, SpecialIds(), tokens_per_batch=16, widths=(16,)) for _ in range(2))
    assert one.description == same.description
    assert one.description != WeightedRows(ROWS[1:], SpecialIds(), tokens_per_batch=16, widths=(16,)).description
