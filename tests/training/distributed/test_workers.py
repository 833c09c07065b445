"""Without a cluster; with one, see test_same_steps.py and test_killed.py."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lmbook.training.checkpoint import Checkpoint
from lmbook.training.distributed.workers import (
    check_same,
    checkpoint_from_chief,
    explain_lost_workers,
    from_chief,
    sum_over_workers,
)

ONE = tf.distribute.get_strategy()


def test_alone_everything_is_as_given():
    assert from_chief(ONE, b"abc") == b"abc"
    np.testing.assert_array_equal(sum_over_workers(ONE, np.array([1, 2])), [1, 2])
    found = Checkpoint(3, {})
    assert checkpoint_from_chief(ONE, found) is found
    check_same(ONE, {"model": "a"})


def test_alone_an_error_stays_what_it_is():
    with pytest.raises(tf.errors.InternalError), explain_lost_workers(ONE, "again"):
        raise tf.errors.InternalError(None, None, "task:1 is unhealthy")
