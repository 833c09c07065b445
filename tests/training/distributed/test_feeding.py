from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lmbook.cluster.same_steps import LAST_ROWS, STEPS, UnevenBatches
from lmbook.training.distributed.feeding import distribute_batches

ONE = tf.distribute.get_strategy()


@pytest.mark.parametrize("gradient_accumulation_steps", [1, 3, 4])
def test_a_smaller_last_batch_is_filled_up_with_rows_that_do_not_count(gradient_accumulation_steps):
    data = UnevenBatches()
    fed = list(distribute_batches(data, ONE, STEPS - 2, 2, gradient_accumulation_steps))
    plain = list(data.dataset(STEPS - 2, 2))
    assert [len(w) % gradient_accumulation_steps for _, _, w in fed] == [0, 0]
    for given, expected in zip(fed, plain, strict=True):
        for part, whole in zip(given, expected, strict=True):
            np.testing.assert_array_equal(part[: len(whole)], whole)
            assert not np.any(part[len(whole) :])
    assert LAST_ROWS <= len(fed[-1][0]) < LAST_ROWS + gradient_accumulation_steps


def test_batches_of_known_shape_keep_it(data):
    x, y, w = next(distribute_batches(data, ONE, 3, 2, gradient_accumulation_steps=2))
    assert x.shape == y.shape == w.shape == (data.batch_size, data.context)
    expected = next(iter(data.dataset(3, 1)))
    np.testing.assert_array_equal(x, expected[0])
