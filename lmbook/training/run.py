"""One training run: the loop over its steps, with its clock, reports, validations and checkpoints."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from time import perf_counter

import keras
import numpy as np

from lmbook.errors import LmbookError
from lmbook.training import checkpoint as checkpoint_file
from lmbook.training.callbacks import Callbacks
from lmbook.training.checkpoint import Checkpoint, Checkpoints
from lmbook.training.distributed.cluster import is_chief
from lmbook.training.distributed.workers import checkpoint_from_chief, sum_over_workers
from lmbook.training.history import History
from lmbook.training.interrupt import catch_interrupts
from lmbook.training.optimizers import WarmupCosine, without_unused_squares
from lmbook.training.progress import UNKNOWN_STEPS, Display
from lmbook.training.step import TrainingStep

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Run:
    """The loop of a training run and its state besides the weights.

    Args:
        training: makes the updates.
        schedule: its learning rate, whose length is corrected here when there is a time budget; None: another one.
        checkpoints: where to save, None for nowhere.
        display: what the reader sees.
        callbacks: told of what happens.
        validation: model -> loss, or None.
        tokens_per_step: B x T, for the speed shown.
        steps: updates in the whole run, None without a limit.
        seconds: time of the whole run, None without a limit.
        report_every: steps between two reports.
        restore_best: put the best weights back at the end.
    """

    def __init__(
        self,
        training: TrainingStep,
        schedule: WarmupCosine | None,
        *,
        checkpoints: Checkpoints | None,
        display: Display,
        callbacks: Callbacks,
        validation: Callable[[keras.Model], float] | None,
        tokens_per_step: int,
        steps: int | None,
        seconds: float | None,
        report_every: int,
        restore_best: bool,
    ):
        self.training, self.schedule, self.checkpoints, self.display = training, schedule, checkpoints, display
        self.callbacks, self.validation, self.tokens_per_step = callbacks, validation, tokens_per_step
        self.steps, self.seconds, self.report_every, self.restore_best = steps, seconds, report_every, restore_best
        self.step, self.total_steps = 0, steps or UNKNOWN_STEPS
        self.history = History()
        self._seconds_before = 0.0  # of the run before it was resumed
        self._started = self._measured_from = None
        self._clock = 0.0  # seconds of the run when last read; with several workers, the chief's
        self._best_weights = None
        self._asked: list[int] = []  # signals that reached this process
        self._signals: list[int] = []  # those that all workers know of

    @property
    def over(self) -> bool:
        """Whether the run has ended: all steps made, time up, stopped by a callback or by a signal."""
        return self.step >= self._total() or self.time_is_up or bool(self._signals)

    @property
    def time_is_up(self) -> bool:
        return self.seconds is not None and self._clock >= self.seconds

    @property
    def steps_left(self) -> int:
        """The largest number of updates that can still be made."""
        return 0 if self.over else (self.steps or UNKNOWN_STEPS) - self.step

    def train(self, batches: Iterator, steps_per_execution: int) -> None:
        """Make the remaining updates.

        Raises:
            LmbookError: the loss is no longer a number.
            KeyboardInterrupt, SystemExit: the run was stopped by Ctrl-C or by SIGTERM.
        """
        self._started = perf_counter()
        self.display.start(self.step, self._total())
        try:
            with catch_interrupts(self._asked.append):
                with self.callbacks.running(self.step):
                    while not self.over:
                        now = min(steps_per_execution, self.steps_left)
                        self.callbacks.before_execution(self.step)
                        self.training.run(batches, now)
                        loss = self._after(now)
                        self.callbacks.call_functions(self.step, loss)
                self._say_if_stopped()
        finally:
            self.display.stop()

    def _after(self, steps: int) -> float:
        """Record, report and save as needed after `steps` further updates; returns the mean loss so far."""
        previous, self.step = self.step, self.step + steps
        self._agree()
        loss = self.training.loss
        if not math.isfinite(loss):
            self.display.stop()
            raise LmbookError(
                f"The training loss is {loss} at step {self.step}: the run has diverged.",
                "Start again with a lower learning rate (a third of this one).",
            )
        if self._measured_from is None:
            self._measured_from = (self.step, self._clock)  # the first execution also compiled
        self._fit_into_time()
        self._stop_if(self.callbacks.after_execution(self.step, loss))
        due = self.step // self.report_every > previous // self.report_every
        over = self.step >= self._total() or self.time_is_up
        self._note(loss, always=due or over)
        self.display.update(self.step, self._total(), loss, self._speed(), self._seconds_left())
        if due or over:
            self._report(loss, over)
        if due or over or self._signals:
            self._save()
        return loss

    def _say_if_stopped(self) -> None:
        self.display.stop()
        if self._signals:
            where = "" if self.checkpoints is None else " and saved; the same command goes on from here"
            self.display.say(f"Stopped at step {self.step}{where}.")
            if signal.SIGTERM in self._signals:
                raise SystemExit(128 + signal.SIGTERM)
            raise KeyboardInterrupt

    def _stop_if(self, asked: bool) -> None:
        """End the run if a callback asked for it in any worker."""
        if self.callbacks.may_stop and sum_over_workers(self.training.strategy, np.array([float(asked)])).any():
            self.total_steps = self.step

    def _agree(self) -> None:
        """Give all workers the same clock and the same signals; otherwise they would stop at different steps."""
        own = [self._asked.count(number) for number in _SIGNALS] + [self._seconds_used() if is_chief() else 0.0]
        *counts, self._clock = sum_over_workers(self.training.strategy, np.array(own, "float64")).tolist()
        self._signals = [number for number, count in zip(_SIGNALS, counts, strict=True) if count]

    def _seconds_used(self) -> float:
        return self._seconds_before + (0.0 if self._started is None else perf_counter() - self._started)

    def _total(self) -> int:
        return max(self.step, self.total_steps)

    def _seconds_per_step(self) -> float | None:
        if self._measured_from is None or self.step <= self._measured_from[0]:
            return None
        return (self._clock - self._measured_from[1]) / (self.step - self._measured_from[0])

    def _speed(self) -> float:
        """Tokens per second, validation included; 0 until there is an execution after the first, which compiles."""
        each = self._seconds_per_step()
        return self.tokens_per_step / each if each else 0.0

    def _seconds_left(self) -> float:
        return (self._seconds_per_step() or 0.0) * (self._total() - self.step)

    def _fit_into_time(self) -> None:
        """Set the length of the run and of its schedule to the steps that fit into the remaining time."""
        each = self._seconds_per_step()
        if self.seconds is None or each is None:
            return
        fitting = self.step + max(0, int((self.seconds - self._clock) / each))
        self._set_total(min(fitting, self.steps or fitting))

    def _set_total(self, steps: int) -> None:
        self.total_steps = steps
        if self.schedule is not None:
            self.schedule.total_steps.assign(float(steps))

    def _note(self, loss: float, always: bool) -> None:
        """Add a point to the history ten times between two reports, and begin the mean of the next one."""
        every = max(1, self.report_every // 10)
        last = self.history.steps[-1] if self.history.steps else 0
        if always or self.step // every > last // every:
            self.history.steps.append(self.step)
            self.history.loss.append(loss)
            self.history.seconds.append(round(self._clock, 3))
            self.history.tokens += self.training.tokens
            self.training.reset()

    def _report(self, loss: float, over: bool) -> None:
        scored = None
        if self.validation is not None:
            scored = float(self.validation(self.training.model))
            if self.history.best_loss is None or scored < self.history.best_loss:
                self.history.best_step = self.step
                self._keep_best()
            self.history.validation_steps.append(self.step)
            self.history.validation_loss.append(scored)
        self.display.report(self.step, self._total(), loss, scored, self._speed(), self._seconds_left())
        self._stop_if(self.callbacks.report(self.step, loss, scored, over))

    def _keep_best(self) -> None:
        weights = checkpoint_file.values("weight", self.training.model.weights)
        if self.checkpoints is None:
            self._best_weights = weights
        elif is_chief():
            self.checkpoints.save_best(self.step, weights)

    def _save(self) -> None:
        if self.checkpoints is None or not is_chief():
            return
        arrays = {
            **checkpoint_file.values("model", self.training.model.variables),  # dropout's seeds are among them
            **checkpoint_file.values("optimizer", self.training.optimizer.variables),
            **checkpoint_file.values("totals", self.training.totals),
        }
        record = {
            "history": self.history.as_dict(),
            "seconds": self._seconds_used(),
            "total_steps": self.total_steps,
        }
        self.checkpoints.save(self.step, arrays, record)

    def restore(self, found: Checkpoint) -> None:
        """Restore the state that the checkpoint `found` holds."""
        model, optimizer = self.training.model, self.training.optimizer
        checkpoint_file.assign("model", model.variables, found.arrays)
        state = without_unused_squares(optimizer, model.trainable_variables, found.arrays)
        checkpoint_file.assign("optimizer", optimizer.variables, state)
        checkpoint_file.assign("totals", self.training.totals, found.arrays)
        self.training.reseed_replicas()
        self.step = found.step
        self.history = History(**found.record["history"])
        self._seconds_before = self._clock = found.record["seconds"]
        self._set_total(found.record["total_steps"])
        done = self.step >= self.total_steps
        if not self.display.quiet:
            self.display.say(
                f"This run was already trained for all its {self.step} steps."
                if done
                else f"Going on from the checkpoint of step {self.step}."
            )

    def finish(self) -> None:
        """Put the best weights into the model if the last step was not the best."""
        best = self.history.best_step
        if not self.restore_best or best is None or best == self.step:
            return
        arrays = self._best_weights
        if self.checkpoints is not None:
            found = self.checkpoints.best(best) if is_chief() else None
            found = checkpoint_from_chief(self.training.strategy, found)
            arrays = None if found is None else found.arrays
        if arrays is None:
            self.display.say(f"Keeping the weights of the last step, {self.step}.")
            return
        checkpoint_file.assign("weight", self.training.model.weights, arrays)
        if not self.display.quiet:
            self.display.say(f"The best weights were those of step {best}: validation {self.history.best_loss:.4f}.")
