from __future__ import annotations

import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.training.strategy import make_strategy


def test_default_is_one_replica():
    assert make_strategy("default").num_replicas_in_sync == 1


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(LmbookError, match="'tpu'.*auto, default, mirrored"):
        make_strategy("tpu")


@pytest.mark.skipif(len(tf.config.list_physical_devices("GPU")) > 1, reason="there are several GPUs here")
def test_without_several_gpus():
    assert make_strategy("auto").num_replicas_in_sync == 1
    with pytest.raises(LmbookError, match="at least two GPUs"):
        make_strategy("mirrored")
