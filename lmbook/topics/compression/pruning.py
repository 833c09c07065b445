"""Pruning: the smallest weights of each matrix are set to 0 and kept there."""

from __future__ import annotations

import keras
import numpy as np

from lmbook.errors import LmbookError


class Pruning:
    """Which weights of a model stay, and the model with the others at 0.

    The matrices inside the blocks lose the given share of their entries, those nearest to 0; tables and vectors are
    left alone. After an update of the model `apply` has to be called again: as a callback of `fit`, with
    `steps_per_execution=1`.

    Args:
        model: built; it is pruned at once.
        share: of each matrix, 0 or more and less than 1.

    Raises:
        LmbookError: the share is out of its range.

    Example:
        pruning = Pruning(model, 0.8)
        fit(model, data, steps=200, callbacks=[pruning], steps_per_execution=1)

    Reference:
        Han et al. 2015, "Learning both weights and connections for efficient neural networks".
    """

    def __init__(self, model: keras.Model, share: float):
        if not 0.0 <= share < 1.0:
            raise LmbookError(f"share={share} of the weights cannot be pruned.", "Choose 0 or more, less than 1.")
        self._model, self._kept = model, []
        for variable in model.trainable_variables:
            if len(variable.shape) == 2 and "block" in variable.path:
                sizes = np.abs(variable.numpy())
                gone = round(share * sizes.size)
                kept = np.ones(sizes.size, "float32")
                kept[np.argsort(sizes, axis=None, kind="stable")[:gone]] = 0.0
                self._kept.append((variable, kept.reshape(sizes.shape)))
        self.apply()

    def __call__(self, step: int, loss: float) -> None:
        """`apply`, as a callback of `fit`."""
        self.apply()

    def apply(self) -> None:
        """Set the pruned weights to 0."""
        for variable, kept in self._kept:
            variable.assign(variable * kept)

    @property
    def bytes(self) -> int:
        """Of all weights in float32: one bit for each entry of a pruned matrix says whether it is there."""
        pruned = {id(variable) for variable, _ in self._kept}
        whole = sum(4 * int(np.prod(v.shape)) for v in self._model.weights if id(v) not in pruned)
        return whole + sum(-(-kept.size // 8) + 4 * int(kept.sum()) for _, kept in self._kept)
