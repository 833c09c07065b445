"""The optimizers of the book, their configuration and their learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from lmbook.errors import LmbookError

OPTIMIZERS = ("adamw", "muon")


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW or Muon, with a linear warm-up, a cosine decay and clipped gradients.

    Args:
        name: "adamw" for all weights, or "muon" for the matrices inside the model and AdamW for the rest: the
            embedding, the layer called "logits", and all vectors.
        learning_rate: the peak of AdamW's learning rate.
        muon_ratio: Muon's learning rate as a multiple of AdamW's.
        warmup_steps: steps of rising learning rate (at most a tenth of the run).
        final_fraction: the last learning rate as a share of the peak.
        weight_decay: of matrices; vectors (biases, gains) and embeddings are left alone, and under Muon the logits too.
        beta_2: how long Adam's mean of squared gradients remembers.
        clip_norm: the largest global norm of the gradient; None: any.

    Raises:
        LmbookError: the name is not known, or `learning_rate` or `muon_ratio` is not a positive number.

    References:
        AdamW: Loshchilov and Hutter 2019, "Decoupled weight decay regularization". Muon: Jordan et al. 2024,
        https://kellerjordan.github.io/posts/muon; its scale: Liu et al. 2025, "Muon is scalable for LLM training",
        section 2.2.
    """

    name: str = "adamw"
    learning_rate: float = 1e-3
    muon_ratio: float = 2.0
    warmup_steps: int = 100
    final_fraction: float = 0.05
    weight_decay: float = 0.01
    beta_2: float = 0.99
    clip_norm: float | None = 1.0

    def __post_init__(self):
        if self.name not in OPTIMIZERS:
            raise LmbookError(f"optimizer={self.name!r} is not known.", f"Choose one of {', '.join(OPTIMIZERS)}.")
        for name, usual in (("learning_rate", 0.001), ("muon_ratio", 2.0)):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise LmbookError(f"{name}={value!r} is not a positive number.", f"Choose for example {usual}.")

    def schedule(self, steps: int) -> WarmupCosine:
        """The schedule for a run of `steps` updates: of Muon's learning rate if there is Muon, else of AdamW's."""
        peak = self.learning_rate * (self.muon_ratio if self.name == "muon" else 1.0)
        return WarmupCosine(peak, steps, self.warmup_steps, self.final_fraction)


@keras.saving.register_keras_serializable("lmbook")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up over `warmup_steps`, then a cosine decay to `final_fraction` of the peak.

    The number of steps is a variable, `total_steps`, because a run with a time budget does not know it beforehand: it
    corrects it as it measures its speed.

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


def make_optimizer(
    config: OptimizerConfig, model: keras.Model, schedule: keras.optimizers.schedules.LearningRateSchedule
) -> keras.optimizers.Optimizer:
    """Make the Keras optimizer that `config` describes, built for the trainable weights of `model`.

    Args:
        config: what it is; clipping is left to the training step, which adds the gradients of all devices first.
        model: built; under float16 the optimizer comes in a `LossScaleOptimizer`.
        schedule: `config.schedule(steps)`.
    """
    weights = model.trainable_variables
    if config.name == "adamw":
        made = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay, beta_2=config.beta_2)
        made.exclude_from_weight_decay(var_list=[v for v in weights if len(v.shape) < 2 or "embedding" in v.path])
    else:  # Keras takes the learning rate and the weight decay of Muon, and AdamW's rate as a share of it
        made = keras.optimizers.Muon(
            schedule,
            adam_lr_ratio=1 / config.muon_ratio,
            adam_beta_2=config.beta_2,
            adam_weight_decay=None,
            weight_decay=config.weight_decay / config.muon_ratio,
            exclude_layers=["logits"],
        )
    return build_optimizer(made, model)


def build_optimizer(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> keras.optimizers.Optimizer:
    """Build a new Keras optimizer for `model`, inside a `LossScaleOptimizer` under float16.

    Args:
        optimizer: made in the scope of the strategy under which `model` was made.
        model: built.

    Raises:
        LmbookError: the optimizer was used before, or made outside of the scope.
    """
    if optimizer.built:
        raise LmbookError(f"The optimizer {optimizer.name} was used before.", "Make a new one for each training.")
    strategy = model.distribute_strategy
    if not strategy.extended.variable_created_in_scope(optimizer.iterations.value):
        raise LmbookError(
            f"The optimizer {optimizer.name} was not made under the model's {type(strategy).__name__}.",
            "Make it inside `with strategy.scope():`, as the model.",
        )
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    # The smallest numbers of float16 are too large for many gradients.
    if model.dtype_policy.compute_dtype == "float16" and not scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer


def without_unused_squares(
    optimizer: keras.optimizers.Optimizer, weights: Sequence[keras.Variable], arrays: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Drop from a checkpoint's arrays the state that lmbook 0.1's Muon had and Keras' Muon does not have.

    That Muon inherited from AdamW, which keeps a mean of squares for every weight; it was never used for matrices.

    Args:
        optimizer: built for `weights`.
        weights: the model's trainable ones.
        arrays: those called "optimizer/0" … are the values of a Muon's variables, or of any other optimizer's.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    names = [f"{weight.path.replace('/', '_')}_{kind}" for weight in weights for kind in ("momentum", "velocity")]
    own = len(optimizer.variables) - len(inner.variables) + 1  # the state of the loss scale, and the number of steps
    saved = [value for name, value in arrays.items() if name.startswith("optimizer/")]
    if not isinstance(inner, keras.optimizers.Muon) or len(saved) != own + len(names):
        return arrays
    present = {variable.name for variable in inner.variables}
    kept = [value for name, value in zip(names, saved[own:], strict=True) if name in present]
    return {f"optimizer/{index}": value for index, value in enumerate([*saved[:own], *kept])}


@keras.saving.register_keras_serializable("lmbook")
class ScaledAdam(keras.optimizers.Adam):
    """Adam with an individual learning rate for each weight.

    Args:
        learning_rate: what the factors multiply.
        factors: one for each trainable weight, in their order.
    """

    def __init__(self, learning_rate, factors: Sequence[float] = (), **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.factors = list(factors)

    def update_step(self, gradient, variable, learning_rate):
        # `variable` is TensorFlow's, not the model's: only this private method of Keras finds its number.
        factor = self.factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self):
        return {**super().get_config(), "factors": self.factors}
