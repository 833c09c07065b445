"""The callbacks of `fit`: Keras callbacks and plain functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import keras

from lmbook.errors import LmbookError

Callback = keras.callbacks.Callback | Callable[[int, float], None]


class Callbacks:
    """The callbacks of one run.

    A function is called as function(step, loss) after each execution (`steps_per_execution` updates), when a
    checkpoint that was due is written. For a Keras callback a report ends an epoch: `on_epoch_end` gets its number
    (from 0) and the logs "loss", "val_loss" (where there is a validation) and "learning_rate"; `on_train_batch_end`
    comes after each execution. While the run lasts, `model.optimizer` is its optimizer, as after `model.compile`. A
    callback that sets `model.stop_training` ends the run. No checkpoint holds what a callback remembers.

    Args:
        callbacks: functions and `keras.callbacks.Callback` objects.
        model: the model that is trained.
        optimizer: what updates it.
        report_every: steps of an epoch.
        steps: of the run, None where they are not known.

    Raises:
        LmbookError: one of them is neither.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback],
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        report_every: int,
        steps: int | None,
    ):
        for each in callbacks:
            if not (isinstance(each, keras.callbacks.Callback) or callable(each)):
                raise LmbookError(
                    f"The callback {each!r} is neither a Keras callback nor a function.",
                    "Give a keras.callbacks.Callback, or a function of (step, loss).",
                )
        self._functions = [each for each in callbacks if not isinstance(each, keras.callbacks.Callback)]
        self._of_keras = [each for each in callbacks if isinstance(each, keras.callbacks.Callback)]
        self._model, self._optimizer, self._report_every = model, optimizer, report_every
        epochs = None if steps is None else -(-steps // report_every)
        self._params = {"verbose": 0, "epochs": epochs, "steps": report_every}
        self._list = None

    @property
    def may_stop(self) -> bool:
        """Whether any callback could stop the run."""
        return bool(self._of_keras)

    @contextmanager
    def running(self, step: int) -> Iterator[None]:
        """Surround a run that begins, or continues, after `step` updates."""
        if not self._of_keras:
            yield
            return
        before = getattr(self._model, "optimizer", None)
        self._model.optimizer, self._model.stop_training = self._optimizer, False
        self._list = keras.callbacks.CallbackList(self._of_keras, model=self._model, **self._params)
        try:
            self._list.on_train_begin()
            self._list.on_epoch_begin(step // self._report_every)
            yield
            self._list.on_train_end()
        finally:
            self._list = None
            if before is None:
                del self._model.optimizer  # a saved model would hold its state
            else:
                self._model.optimizer = before

    def before_execution(self, step: int) -> None:
        """Tell the callbacks that the updates after `step` come next."""
        if self._list is not None:
            self._list.on_train_batch_begin(step % self._report_every)

    def after_execution(self, step: int, loss: float) -> bool:
        """Tell them that `step` updates are made, and the mean loss so far; returns whether to stop."""
        if self._list is None:
            return False
        self._list.on_train_batch_end((step - 1) % self._report_every, {"loss": loss})
        return self._model.stop_training

    def report(self, step: int, loss: float, validation_loss: float | None, over: bool) -> bool:
        """Tell them of a report after `step` updates, the last one if the run is `over`; returns whether to stop."""
        if self._list is None:
            return False
        scored = {} if validation_loss is None else {"val_loss": validation_loss}
        epoch = -(-step // self._report_every) - 1
        rate = float(keras.ops.convert_to_numpy(self._optimizer.learning_rate))
        self._list.on_epoch_end(epoch, {"loss": loss, **scored, "learning_rate": rate})
        if not (over or self._model.stop_training):
            self._list.on_epoch_begin(epoch + 1)
        return self._model.stop_training

    def call_functions(self, step: int, loss: float) -> None:
        """Call the plain functions."""
        for function in self._functions:
            function(step, loss)
