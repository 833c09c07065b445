"""Without a cluster; with one, see test_same_steps.py and test_killed.py."""

from __future__ import annotations

import subprocess
import sys

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


PROGRAM = """
import sys
import numpy as np
from lmbook.training.distributed.strategy import make_strategy
strategy = make_strategy("multi_worker")
from lmbook.training.distributed.cluster import read_cluster
from lmbook.training.distributed import workers
from lmbook.training.checkpoint import Checkpoint

workers._PIECE = 1000  # several pieces
index = read_cluster().index
assert workers.sum_over_workers(strategy, np.array([1.5, index])).tolist() == [3.0, 1.0]
own = np.random.default_rng(index).bytes(10_001)
assert workers.from_chief(strategy, own) == np.random.default_rng(0).bytes(10_001)
assert workers.from_chief(strategy, b"") == b""
arrays = {"a": np.array([-0.0, np.nan, 1e-40], "float32"), "b": np.arange(3)}
found = workers.checkpoint_from_chief(strategy, Checkpoint(5, arrays, {}, {"x": 1}) if index == 0 else None)
assert found.step == 5 and found.record == {"x": 1}
assert all(found.arrays[name].tobytes() == value.tobytes() for name, value in arrays.items())
assert workers.checkpoint_from_chief(strategy, None) is None
print("agreed", flush=True)
workers.check_same(strategy, {"model": "a", "data": f"of worker {index}"})
"""


def test_two_workers_agree_and_notice_that_their_data_differ():
    launch = [sys.executable, "-m", "lmbook", "launch", "--workers", "2", "--"]
    done = subprocess.run([*launch, "python", "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.stdout.count("agreed") == 2, done.stdout + done.stderr
    assert "Worker 1 differs from worker 0: its data is of worker 1, there it is of worker 0." in done.stderr
    assert done.returncode != 0
