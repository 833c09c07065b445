"""Muon: updates of a matrix that move it equally far in every direction."""

from __future__ import annotations

import keras
from keras import ops

SCALE = 0.2  # the root mean square of an update at learning rate 1, about that of an update by Adam


@keras.saving.register_keras_serializable("lmbook")
class Muon(keras.optimizers.AdamW):
    """Muon for the matrices inside a model, AdamW for all other weights.

    The gradient of a matrix is dominated by few directions; what is rare in the text lies in the others. Muon keeps
    a running mean of the gradient, as momentum does, and makes it orthogonal: all its singular values become about 1.

    `keras.optimizers.Muon` is the same; the one of Keras 3.12, the last for Python 3.10, fails on TensorFlow.

    Args:
        learning_rate: of the AdamW part.
        muon_ratio: Muon's learning rate as a multiple of it.
        adam_layers: parts of the names of layers whose matrices AdamW updates: tables of vectors, not maps.
        momentum: how much of the running gradient is kept.

    Reference:
        Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; the scale: Liu et al. 2025, "Muon is scalable for
        LLM training", section 2.2.
    """

    def __init__(
        self,
        learning_rate=0.001,
        muon_ratio: float = 1.0,
        adam_layers: tuple[str, ...] = ("embedding", "logits"),
        momentum: float = 0.95,
        **kwargs,
    ):
        super().__init__(learning_rate, **kwargs)
        self.muon_ratio, self.adam_layers, self.momentum = muon_ratio, tuple(adam_layers), momentum

    def updates(self, variable) -> bool:
        """Whether Muon updates `variable`, not AdamW."""
        return len(variable.shape) == 2 and not any(layer in variable.path for layer in self.adam_layers)

    def build(self, variables):
        super().build(variables)
        self._matrices = {index for index, variable in enumerate(variables) if self.updates(variable)}

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        if index not in self._matrices:
            super().update_step(gradient, variable, learning_rate)
            return
        gradient = ops.reshape(gradient, variable.shape)  # a graph may not know the shape where a matrix has one column
        mean = self._momentums[index]
        self.assign_add(mean, ops.add(gradient, mean * (self.momentum - 1)))
        update = orthogonal(ops.add(gradient, self.momentum * mean))  # Nesterov's look ahead
        rate = ops.cast(learning_rate, variable.dtype) * self.muon_ratio
        self.assign_sub(variable, rate * update * (SCALE * max(variable.shape) ** 0.5))

    def get_config(self):
        more = {"muon_ratio": self.muon_ratio, "adam_layers": list(self.adam_layers), "momentum": self.momentum}
        return {**super().get_config(), **more}


def orthogonal(matrix, steps: int = 5):
    """The matrix [N, M] with its singular values moved near 1 (between about 0.7 and 1.2), by matrix products alone.

    A step of the Newton-Schulz iteration is an odd polynomial of the singular values; these coefficients drive small
    ones up fastest.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else ops.transpose(matrix)
    x = x / (ops.norm(x) + 1e-7)
    for _ in range(steps):
        a = ops.matmul(x, ops.transpose(x))
        x = 3.4445 * x + ops.matmul(-4.7750 * a + 2.0315 * ops.matmul(a, a), x)
    return x if wide else ops.transpose(x)
