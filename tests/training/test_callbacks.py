"""Callbacks of Keras, and plain functions, as `fit` calls them."""

from __future__ import annotations

import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.training.fit import fit
from lmbook.training.optimizers import OptimizerConfig

FIT = {"optimizer": OptimizerConfig(learning_rate=0.02), "checks": (), "quiet": True}


class Losses:
    """A validation that gives these losses one after the other, and keeps the weights that it saw."""

    def __init__(self, *losses):
        self.losses, self.seen = losses, []

    def __call__(self, model):
        self.seen.append(model.get_weights())
        return self.losses[len(self.seen) - 1]


class Calls(keras.callbacks.Callback):
    """Writes down what it is called with."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append(("begin", self.params["epochs"], self.params["steps"], hasattr(self.model, "optimizer")))

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("epoch", epoch))

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(("from", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("to", batch))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("report", epoch, sorted(logs)))

    def on_train_end(self, logs=None):
        self.calls.append(("end",))


def test_keras_callbacks_are_called_in_order_and_functions_after_a_checkpoint(make_model, data, tmp_path):
    model, calls = make_model(), Calls()

    def function(step, loss):
        there = (tmp_path / "checkpoints" / f"step-{step:09d}.npz").exists()
        calls.calls.append(("function", step, there))

    options = {"report_every": 4, "steps_per_execution": 2, "validation": Losses(3.0, 2.0), "output": tmp_path}
    fit(model, data, steps=6, callbacks=[function, calls], **options, **FIT)
    logs = ["learning_rate", "loss", "val_loss"]
    assert calls.calls == [
        ("begin", 2, 4, True),
        ("epoch", 0),
        ("from", 0),
        ("to", 1),
        ("function", 2, False),
        ("from", 2),
        ("to", 3),
        ("report", 0, logs),
        ("epoch", 1),
        ("function", 4, True),
        ("from", 0),
        ("to", 1),
        ("report", 1, logs),
        ("function", 6, True),
        ("end",),
    ]
    assert not hasattr(model, "optimizer")  # as it was before


def test_early_stopping_ends_the_run_and_it_stays_ended(make_model, data, tmp_path, capsys):
    losses, model = Losses(3.0, 1.0, 2.0, 2.5, 0.0), make_model()
    arguments = {**FIT, "steps": 50, "report_every": 10, "output": tmp_path, "quiet": False}
    stopping = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    history = fit(model, data, validation=losses, callbacks=[stopping], **arguments)
    assert history.validation_steps == [10, 20, 30, 40] and history.steps[-1] == 40
    for best, left in zip(losses.seen[1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(best, left)
    again = make_model(seed=4)
    assert fit(again, data, validation=losses, **arguments) == history
    assert "already trained for all its 40 steps" in capsys.readouterr().out
    for best, left in zip(losses.seen[1], again.get_weights(), strict=True):
        np.testing.assert_array_equal(best, left)


def test_stop_training_between_two_reports_ends_the_run_with_a_report(make_model, data):
    def stop(batch, logs):
        stopping.model.stop_training = batch == 2

    stopping, calls = keras.callbacks.LambdaCallback(on_train_batch_end=stop), Calls()
    history = fit(
        make_model(), data, steps=20, report_every=5, steps_per_execution=1, callbacks=[stopping, calls], **FIT
    )
    assert history.steps[-1] == 3
    assert calls.calls[-2:] == [("report", 0, ["learning_rate", "loss"]), ("end",)]


def test_tensorboard_shows_the_losses_and_the_learning_rate(make_model, data, tmp_path):
    pytest.importorskip("tensorboard")
    board = keras.callbacks.TensorBoard(tmp_path)
    history = fit(
        make_model(), data, steps=6, report_every=2, validation=Losses(3.0, 2.0, 1.0), callbacks=[board], **FIT
    )
    shown = {}
    for part in ("train", "validation"):
        [path] = (tmp_path / part).glob("events.out.tfevents.*")
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                shown.setdefault(f"{part} {value.tag}", []).append(float(tf.make_ndarray(value.tensor)))
    assert shown["validation epoch_loss"] == [3.0, 2.0, 1.0]
    np.testing.assert_allclose(shown["train epoch_loss"], history.loss, rtol=1e-6)
    assert len(shown["train epoch_learning_rate"]) == 3 and max(shown["train epoch_learning_rate"]) <= 0.0201


def test_a_resumed_run_counts_its_reports_on(make_model, data, tmp_path):
    arguments = {**FIT, "steps": 8, "report_every": 2, "output": tmp_path}
    interrupt = lambda step, loss: os.kill(os.getpid(), signal.SIGINT) if step == 4 else None  # noqa: E731
    first, second = Calls(), Calls()
    with pytest.raises(KeyboardInterrupt):
        fit(make_model(), data, callbacks=[interrupt, first], **arguments)
    fit(make_model(), data, callbacks=[second], **arguments)
    reports = [[call[1] for call in calls.calls if call[0] == "report"] for calls in (first, second)]
    assert reports == [[0, 1, 2], [3]]  # the interrupt ends the execution that comes after
    assert first.calls[-1] == second.calls[-1] == ("end",)


def test_a_callback_that_fails_leaves_the_model_without_the_optimizer(make_model, data):
    def fail(epoch, logs):
        raise ZeroDivisionError

    model = make_model()
    with pytest.raises(ZeroDivisionError):
        fit(model, data, steps=4, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=fail)], **FIT)
    assert not hasattr(model, "optimizer")
