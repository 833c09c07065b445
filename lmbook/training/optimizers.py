"""The optimizers of the book, with which weights each of their parts updates."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from lmbook.errors import LmbookError
from lmbook.training.muon import Muon

OPTIMIZERS = ("adamw", "muon")


def make_optimizer(
    name: str,
    model: keras.Model,
    schedule: keras.optimizers.schedules.LearningRateSchedule,
    *,
    weight_decay: float,
    beta_2: float,
    muon_ratio: float,
) -> keras.optimizers.Optimizer:
    """AdamW for all weights, or Muon for the matrices inside the model and AdamW for the rest; built for `model`.

    Args:
        name: "adamw" (Loshchilov and Hutter 2019) or "muon" (see `Muon`).
        model: with its weights; Muon leaves the embedding, the layer called "logits" and all vectors to Adam.
        schedule: the learning rate of AdamW.
        weight_decay: of matrices; vectors (biases, gains) and embeddings are left alone, and under Muon the logits too.
        beta_2: how long Adam's mean of squared gradients remembers.
        muon_ratio: Muon's learning rate as a multiple of `schedule`.

    Raises:
        LmbookError: `name` is not known.
    """
    if name not in OPTIMIZERS:
        raise LmbookError(f"optimizer={name!r} is not known.", f"Choose one of {', '.join(OPTIMIZERS)}.")
    weights = model.trainable_variables
    if name == "adamw":
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay, beta_2=beta_2)
        spared = [v for v in weights if len(v.shape) < 2 or "embedding" in v.path]
    else:
        optimizer = Muon(schedule, muon_ratio, weight_decay=weight_decay, beta_2=beta_2)
        spared = [v for v in weights if not optimizer.updates(v)]
    optimizer.exclude_from_weight_decay(var_list=spared)
    if model.dtype_policy.compute_dtype == "float16":  # its smallest numbers are too large for many gradients
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(weights)
    return optimizer


@keras.saving.register_keras_serializable("lmbook")
class ScaledAdam(keras.optimizers.Adam):
    """Adam in which each weight has a learning rate of its own.

    Args:
        learning_rate: what the factors multiply.
        factors: one for each trainable weight, in their order.
    """

    def __init__(self, learning_rate, factors: Sequence[float] = (), **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.factors = list(factors)

    def update_step(self, gradient, variable, learning_rate):
        factor = self.factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self):
        return {**super().get_config(), "factors": self.factors}
