"""Several devices and several workers make the steps of one device; and what else is seen only on two workers.

Devices must be made before TensorFlow starts, so each program below has a process of its own. Starting two workers
takes longer than all that they do here, so that one pair does it.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lmbook.cluster.background_workers import BackgroundWorkers
from lmbook.cluster.same_steps import difference, load
from lmbook.files import read_json

MIRRORED = """
import json, pathlib, sys
import keras, numpy as np, tensorflow as tf
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.distributed.feeding import distribute_batches
from lmbook.cluster.same_steps import UnevenBatches, difference, same_steps, save
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.step import TrainingStep
from lmbook.training.distributed.strategy import cpu_strategy, divide_cpu
from lmbook.training.validation import Validation

divide_cpu(3)
default, two, three = map(cpu_strategy, (1, 2, 3))
one = same_steps(default)
save(pathlib.Path(sys.argv[2]), one)
# Each case takes seconds to compile, so that each number of devices, of parts and each precision comes once or twice.
found = {
    "three": difference(one, same_steps(three, 2)),
    "bfloat16": difference(one, same_steps(two, precision="mixed_bfloat16")),
}
muon = OptimizerConfig("muon", learning_rate=0.01, warmup_steps=4, weight_decay=0.3, clip_norm=0.5)
found["muon"] = difference(*(same_steps(strategy, optimizer=muon) for strategy in (default, two)))


def compiled_step(strategy):
    "The weights after a step that XLA compiled."
    keras.utils.set_random_seed(1)
    with strategy.scope():
        ids = keras.Input((None,), dtype="int32")
        hidden = keras.layers.Dense(8, activation="gelu")(keras.layers.Embedding(30, 8)(ids))
        model = keras.Model(ids, keras.layers.Dense(30)(hidden))
        optimizer = keras.optimizers.SGD(0.5)
        optimizer.build(model.trainable_variables)
    step = TrainingStep(model, optimizer, jit_compile=True, clip_norm=1.0)
    step.run(distribute_batches(UnevenBatches(), strategy, 0, 1), 1)
    return {"losses": np.array([step.loss]), **{str(i): v.numpy() for i, v in enumerate(model.weights)}}


def masks(strategy, compiled):
    "The dropout masks that the replicas draw in a first and in a second step."
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64), keras.layers.Dropout(0.5)])
        TrainingStep(model, keras.optimizers.SGD(1.0), jit_compile=compiled)
    draw = tf.function(lambda: model.layers[1](tf.ones((1, 64)), training=True), jit_compile=compiled)
    draw_all = tf.function(lambda: strategy.run(lambda: draw()))
    draws = [strategy.experimental_local_results(draw_all()) for _ in range(2)]
    return [[(mask.numpy() > 0).astype(int).ravel().tolist() for mask in replicas] for replicas in draws]


def validated(strategy):
    "The validation loss of a model, the rows shared out; no number of devices divides them."
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = RecurrentLanguageModel(RecurrentConfig(30, 8, 12, cell="gru"))
    rng = np.random.default_rng(0)
    documents = [rng.integers(3, 30, size).tolist() for size in (1, 4, 9, 17, 30)]
    return Validation(documents, SpecialIds(), batch_size=5, context=8)(model)


found["validation"] = [validated(strategy) for strategy in (default, two, three)]
found["compiled"] = difference(compiled_step(default), compiled_step(two))
found["masks"] = {str(c): [masks(default, c), masks(three, c)] for c in (False, True)}
# The reduction that several GPUs use, here between CPU devices: one such strategy in a process is all right.
collective = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
found["collective"] = difference(one, same_steps(collective))
found["collective float16"] = difference(one, same_steps(collective, 2, precision="mixed_float16"))
json.dump(found, open(sys.argv[1], "w"))
"""

TWO_WORKERS = """
import os, runpy, signal, sys
import numpy as np

timed, steps, output = sys.argv[1:]
sys.argv[1:] = [timed, "--widths", "8", "16", "--rounds", "1"]
runpy.run_module("lmbook.cluster.all_reduce_time", run_name="__main__")  # it chooses a core, which is to come first
sys.argv[1:] = [steps, "--gradient-accumulation-steps", "2"]
runpy.run_module("lmbook.cluster.same_steps", run_name="__main__")

from lmbook.cluster.same_steps import UnevenBatches
from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.training.checkpoint import Checkpoint
from lmbook.training.distributed import workers
from lmbook.training.distributed.cluster import read_cluster
from lmbook.training.distributed.strategy import make_strategy
from lmbook.training.fit import fit

strategy = make_strategy("multi_worker")
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
try:
    workers.check_same(strategy, {"model": "a", "data": f"of worker {index}"})
except LmbookError as error:
    print(error, flush=True)


def ask_to_stop(step, loss):
    if step == 4 and index == 1:  # one of two, as when one machine is taken away
        os.kill(os.getpid(), signal.SIGTERM)


with strategy.scope():
    model = RecurrentLanguageModel(RecurrentConfig(30, 4, 4, cell="rnn"))
print("fits", flush=True)
fit(model, UnevenBatches(), steps=2_000, report_every=2, output=output, callbacks=[ask_to_stop], quiet=True, checks=())
print("never stopped", flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With `found.json`, what the program found, and `one.npz`, what one device gives."""
    folder = tmp_path_factory.mktemp("mirrored")
    run("-c", MIRRORED, str(folder / "found.json"), str(folder / "one.npz"))
    return folder


@pytest.fixture(scope="module")
def mirrored(folder):
    return json.loads((folder / "found.json").read_text())


def run(*command):
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", ["three", "collective", "muon"])
def test_several_devices_make_the_same_steps(mirrored, case):
    weights, _, losses = mirrored[case]
    assert weights < 1e-5 and losses < 1e-6


@pytest.mark.parametrize("case", ["bfloat16", "collective float16"])
def test_low_precision_stays_near(mirrored, case):
    _, relative, losses = mirrored[case]
    assert relative < 0.01 and losses < 0.01


def test_the_validation_loss_is_the_same_on_several_devices(mirrored):
    alone, *together = mirrored["validation"]
    assert together == pytest.approx(2 * [alone], abs=1e-6)


def test_xla_on_several_devices(mirrored):
    weights, _, losses = mirrored["compiled"]
    assert weights < 1e-5 and losses < 1e-6


@pytest.mark.parametrize("compiled", ["False", "True"])
def test_each_replica_draws_its_own_dropout(mirrored, compiled):
    alone, together = mirrored["masks"][compiled]
    for (own,), replicas in zip(alone, together, strict=True):
        assert replicas[0] == own  # the first replica goes on as one device does
        assert len({tuple(mask) for mask in replicas}) == 3
        assert all(16 < sum(mask) < 48 for mask in replicas)
    assert together[0] != together[1]


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """The folder with `timed.json`, `two.npz` and `stopped`, and what the workers printed."""
    folder = tmp_path_factory.mktemp("workers")
    workers = BackgroundWorkers(
        "-c", TWO_WORKERS, *(str(folder / name) for name in ("timed.json", "two.npz", "stopped"))
    )
    said = workers.wait(may_fail=True)
    assert "fits" in said, said
    return folder, said, workers.failed


def test_two_workers_make_the_same_steps(folder, two_workers):
    weights, _, losses = difference(load(folder / "one.npz"), load(two_workers[0] / "two.npz"))
    assert weights < 1e-5 and losses < 1e-6


def test_two_workers_time_every_width_and_one_writes(two_workers):
    found = read_json(two_workers[0] / "timed.json")
    assert [run["bytes"] for run in found] == [4 * (2 * 256 * D + 2 * (D * D + D) + 256) for D in (8, 16)]
    assert all(run["together"] > 0 and run["alone"] > 0 for run in found)


def test_two_workers_agree_and_notice_that_their_data_differ(two_workers):
    said = two_workers[1]
    assert said.count("agreed") == 2, said
    assert "Worker 1 differs from worker 0: its data is of worker 1, there it is of worker 0." in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_sigterm_to_one_worker_saves_and_says_how_to_go_on(two_workers):
    folder, said, failed = two_workers
    assert failed and "never stopped" not in said
    assert list((folder / "stopped" / "checkpoints").iterdir())
    assert said.count("saved; the same command goes on from here") == 1, said
