"""What TensorBoard is given: the history of each training, in a folder of its own."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.training.fit import fit
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.tensorboard import EVENTS, next_board, tensorboard_into

pytest.importorskip("tensorboard")
FIT = {"optimizer": OptimizerConfig(learning_rate=0.02), "checks": (), "quiet": True, "report_every": 2}


def shown(folder):
    """What TensorBoard shows: {part: ([steps], [losses])}."""
    points = {}
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        steps, losses = points.setdefault(part.name, ([], []))
        for path in sorted(part.glob(EVENTS)):
            for event in tf.compat.v1.train.summary_iterator(str(path)):
                for value in event.summary.value:
                    steps.append(event.step)
                    losses.append(float(tf.make_ndarray(value.tensor)))
    return points


def assert_shows(folder, history):
    points = shown(folder)
    assert points["train"][0] == history.steps and points["validation"][0] == history.validation_steps
    np.testing.assert_allclose(points["train"][1], history.loss, rtol=1e-6)
    np.testing.assert_allclose(points["validation"][1], history.validation_loss, rtol=1e-6)


def test_it_shows_the_history_and_each_training_apart(make_model, data, tmp_path):
    with tensorboard_into(tmp_path) as boards:
        one = fit(make_model(), data, steps=6, validation=lambda model: 2.0, **FIT)
        other = fit(make_model(), data, steps=4, validation=lambda model: 1.0, **FIT)
    name = type(make_model()).__name__
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"01-{name}", f"02-{name}"]
    assert len(one.steps) == 3
    assert_shows(tmp_path / f"01-{name}", one)
    assert_shows(tmp_path / f"02-{name}", other)
    assert boards.count == 2 and str(tmp_path) in boards.command
    fit(make_model(), data, steps=2, **FIT)  # nobody asked
    assert boards.count == 2 and next_board("x") is None


def test_a_run_that_goes_on_shows_one_curve_and_computes_the_same(make_model, data, tmp_path):
    interrupt = lambda step, loss: os.kill(os.getpid(), signal.SIGINT) if step == 4 else None  # noqa: E731
    arguments = {**FIT, "steps": 8, "validation": lambda model: 2.0, "output": tmp_path / "run"}
    with tensorboard_into(tmp_path / "board"), pytest.raises(KeyboardInterrupt):
        fit(make_model(), data, callbacks=[interrupt], **arguments)
    with tensorboard_into(tmp_path / "board"):
        history = fit(model := make_model(), data, **arguments)
    [folder] = (tmp_path / "board").iterdir()
    assert_shows(folder, history)
    plain = make_model()
    assert fit(plain, data, **{**arguments, "output": None}).loss == history.loss
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_the_package_the_way_to_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("lmbook.training.tensorboard.find_spec", lambda name: None)
    with pytest.raises(LmbookError, match="needs the package tensorboard") as caught:
        with tensorboard_into(tmp_path):
            pass
    assert "pip install tensorboard" in caught.value.fix
    with tensorboard_into(None):
        pass
