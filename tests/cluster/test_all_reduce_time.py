"""On one device; on two workers, see test_same_steps.py."""

from __future__ import annotations

import sys

import pytest
import tensorflow as tf

from lmbook.cluster import all_reduce_time
from lmbook.errors import LmbookError


def weights(width):
    """Of the table, two dense layers and the logits."""
    return 256 * width + 2 * (width * width + width) + 256 * width + 256


def test_the_size_is_that_of_the_gradient_and_both_steps_take_time():
    found = all_reduce_time.time_all_reduce(tf.distribute.get_strategy(), width=8, rounds=1)
    assert found["bytes"] == 4 * weights(8)
    assert found["alone"] > 0 and found["together"] > 0


def test_without_a_cluster_it_says_how_to_start(monkeypatch, tmp_path):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(sys, "argv", ["all_reduce_time", str(tmp_path / "found.json"), "--widths", "8"])
    with pytest.raises(LmbookError) as caught:
        all_reduce_time.main()
    assert "lmbook launch --workers 2" in caught.value.fix
