"""Learning rates that change during training."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import ops

from lmbook.errors import LmbookError


@keras.saving.register_keras_serializable("lmbook")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rises in a straight line for `warmup_steps`, then falls as half a cosine to `final_fraction` of its peak.

    The number of steps is a variable, `total_steps`: a run with a time budget does not know it beforehand and
    corrects it while it measures how fast it goes.

    Args:
        peak: the highest learning rate.
        total_steps: steps of the whole run.
        warmup_steps: steps until the peak; shortened to a tenth of the run where the run is short.
        final_fraction: the last learning rate, as a share of `peak`.

    Reference:
        Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts".
    """

    def __init__(self, peak: float, total_steps: int, warmup_steps: int = 100, final_fraction: float = 0.05):
        if not (peak > 0 and math.isfinite(peak)):
            raise LmbookError(f"learning_rate={peak!r} is not a positive number.", "Choose for example 0.001.")
        if total_steps < 1:
            raise LmbookError(f"steps={total_steps!r} is less than 1.", "Train for at least one step.")
        self.peak, self.warmup_steps, self.final_fraction = peak, warmup_steps, final_fraction
        self.total_steps = tf.Variable(float(total_steps), trainable=False, name="total_steps")

    def __call__(self, step):
        """The learning rate of step number `step` (counted from 0)."""
        step, total = ops.cast(step, "float32"), ops.cast(self.total_steps, "float32")
        warmup = ops.maximum(ops.minimum(float(self.warmup_steps), ops.floor(total / 10)), 1.0)
        rising = (step + 1) / warmup
        progress = ops.clip((step - warmup) / ops.maximum(total - warmup, 1.0), 0.0, 1.0)
        falling = self.final_fraction + (1 - self.final_fraction) * 0.5 * (1 + ops.cos(math.pi * progress))
        return self.peak * ops.minimum(rising, falling)

    def get_config(self):
        return {
            "peak": self.peak,
            "total_steps": int(self.total_steps.numpy()),
            "warmup_steps": self.warmup_steps,
            "final_fraction": self.final_fraction,
        }
