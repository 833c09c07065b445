"""Killed without warning, a run goes on and ends with the same bits: one process, and two that train together.

`python -m pytest tests/training/test_killed.py --kills 20` does it at twenty random moments of each kind of run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from lmbook.cluster.same_steps import load

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

PROGRAM = """
import os, signal, sys, time
import numpy as np
from lmbook.training.distributed.cluster import is_chief
from lmbook.training.distributed.strategy import make_strategy

writes_until_death, pause, outputs = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
strategy = make_strategy()

from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.pipelines.causal import CausalWindows
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.fit import fit, reproducible
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.validation import Validation

real, count = os.fsync, 0

def fsync(handle):
    global count
    count += 1
    if count == writes_until_death:
        os.kill(os.getpid(), signal.SIGKILL)
    real(handle)

os.fsync = fsync
documents = [[3 + (i * i + n) % 6 for i in range(20)] for n in range(8)]
data = CausalWindows(documents, SpecialIds(), context=8, batch_size=4, seed=5)
validation = Validation(documents[:2], SpecialIds())
for output in outputs:
    reproducible(7)
    with strategy.scope():
        model = RecurrentLanguageModel(RecurrentConfig(9, 6, 8, cell="lstm", dropout=0.2))
    history = fit(model, data, steps=60, report_every=4, optimizer=OptimizerConfig(learning_rate=0.02),
                  validation=validation, output=output, callbacks=[lambda step, loss: time.sleep(pause)],
                  quiet=True, checks=())
    if is_chief():
        weights = [v.numpy() for v in model.weights]
        np.savez(output + ".npz", *weights, loss=history.loss, validation=history.validation_loss)
"""
PAUSE = 0.05  # between two steps, so that there is a while to be killed in


class Runs:
    """Starts the program, alone or on two workers."""

    def __init__(self, folder, workers):
        self.folder, self.workers = folder, workers
        (folder / "program.py").write_text(PROGRAM)

    def start(self, *names, writes=0, pause=0.0):
        """A process that makes or ends these runs; with `writes` it (the chief) dies in the middle of that write."""
        folders = [str(self.folder / name) for name in names]
        command = [sys.executable, str(self.folder / "program.py"), str(writes), str(pause), *folders]
        if self.workers > 1:
            command = [sys.executable, "-m", "lmbook", "launch", "--workers", str(self.workers), "--", *command]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, *names):
        """The weights and losses that each of the runs ends with."""
        process = self.start(*names)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return [load(self.folder / f"{name}.npz") for name in names]

    def kill_in_a_write(self, name, number):
        process = self.start(name, writes=number)
        output, _ = process.communicate(timeout=300)
        assert process.returncode != 0, output

    def kill_at(self, name, seconds, worker):
        """Let it run for about `seconds` after it has begun to train; give how long the rest took to stop."""
        process = self.start(name, pause=PAUSE)
        before = self.files(name)
        while self.files(name) == before and process.poll() is None:
            time.sleep(0.05)
        time.sleep(seconds)
        if self.workers == 1:
            process.kill()
            process.communicate()
            return
        workers = sorted(psutil.Process(process.pid).children(), key=lambda child: child.pid)
        if len(workers) < self.workers:
            process.communicate(timeout=300)  # it was quicker
            return
        workers[worker].kill()
        killed = time.monotonic()
        output, _ = process.communicate(timeout=120)
        if process.returncode != 0:  # not at its very end
            assert time.monotonic() - killed < 30
            assert f"worker {worker}" in output and "same command" in output, output

    def files(self, name):
        folder = self.folder / name / "checkpoints"
        return sorted(os.listdir(folder)) if folder.is_dir() else []


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_ends_bit_for_bit_the_same(tmp_path, request, workers):
    runs, rng, whole = Runs(tmp_path, workers), np.random.default_rng(), None  # any moment must do
    kills = request.config.getoption("--kills")
    kinds = (np.arange(kills) + rng.integers(2)) % 2  # half of them in the middle of a write
    for trial, in_a_write in enumerate(kinds):
        name = f"killed_{trial}"
        if in_a_write:
            runs.kill_in_a_write(name, int(rng.integers(1, 16)))
        else:
            runs.kill_at(name, float(rng.uniform(0.0, 60 * PAUSE)), int(rng.integers(workers)))
        if whole is None:  # in the same process, which takes seconds to start; after, so that it leads nothing on
            ended, whole = runs.finish(name, "whole")
        else:
            [ended] = runs.finish(name)
        assert set(whole) == set(ended)
        for key, value in whole.items():
            np.testing.assert_array_equal(value, ended[key], err_msg=f"{key} of trial {trial}")
        assert runs.files(name) == runs.files("whole")  # nothing half-written is left
