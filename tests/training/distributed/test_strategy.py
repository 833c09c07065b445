from __future__ import annotations

import subprocess
import sys

import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.training.distributed.strategy import divide_cpu, make_strategy

WITHOUT_GPUS = pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there are GPUs here")


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)


def test_default_is_one_replica():
    assert make_strategy("default").num_replicas_in_sync == 1


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(LmbookError, match="'tpu'.*auto, default, mirrored, multi_worker"):
        make_strategy("tpu")


@WITHOUT_GPUS
def test_without_gpus():
    assert make_strategy("auto") is make_strategy("default")
    with pytest.raises(LmbookError, match="at least two devices; there is no GPU"):
        make_strategy("mirrored")
    with pytest.raises(LmbookError, match="no device GPU:1; TensorFlow finds CPU:0"):
        make_strategy("mirrored", ["CPU:0", "GPU:1"])


def test_one_device_is_not_enough_to_mirror():
    with pytest.raises(LmbookError, match="there is CPU:0"):
        make_strategy("mirrored", ["CPU:0", "cpu:0"])


@pytest.mark.parametrize("name", ["default", "multi_worker"])
def test_devices_are_for_mirrored_only(name):
    with pytest.raises(LmbookError, match=f"devices=CPU:0 does not go with the strategy {name}"):
        make_strategy(name, ["CPU:0"])
    with pytest.raises(LmbookError, match="cpu_devices=2"):
        make_strategy(name, cpu_devices=2)


def test_dividing_the_cpu_too_late():
    tf.constant(1.0)
    with pytest.raises(LmbookError, match="into 3 devices any more"):
        divide_cpu(3)
    with pytest.raises(LmbookError, match="cpu_devices=0"):
        divide_cpu(0)


def test_multi_worker_without_a_cluster():
    with pytest.raises(LmbookError, match="lmbook launch"):
        make_strategy("multi_worker")


def test_mistakes_in_tf_config_are_found_before_anything_starts(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{not json")
    with pytest.raises(LmbookError, match="not JSON"):
        make_strategy("auto")


TWO = '{"cluster": {"worker": ["127.0.0.1:9", "127.0.0.1:10"]}, "task": {"type": "worker", "index": 0}}'


def test_a_worker_that_ends_before_all_are_there(monkeypatch):
    def fail():
        raise tf.errors.InternalError(None, None, "Barrier failed: task:1 heartbeat timeout.\nMore of it.")

    monkeypatch.setenv("TF_CONFIG", TWO)
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", fail)
    with pytest.raises(LmbookError) as caught:
        make_strategy("auto")
    assert caught.value.message == "The workers did not come together: Barrier failed: task:1 heartbeat timeout."
    assert "same command" in caught.value.fix


def test_multi_worker_made_too_late(monkeypatch):
    tf.constant(1.0)
    monkeypatch.setenv("TF_CONFIG", TWO)
    with pytest.raises(LmbookError, match="made too late"):
        make_strategy("auto")


def test_auto_takes_the_devices_that_were_named():
    program = (
        "from lmbook.training.distributed.strategy import cpu_strategy, make_strategy;"
        "one = make_strategy('auto', cpu_devices=2);"
        "assert one is make_strategy('mirrored', ['CPU:0', 'CPU:1']), 'two objects for the same devices';"
        "assert one is cpu_strategy(2) and cpu_strategy(1) is make_strategy('default');"
        "print(one.num_replicas_in_sync)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "2", done.stderr
