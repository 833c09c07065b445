"""Training with differential privacy: DP-SGD, and what it guarantees."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.training.step import dense_gradient, token_losses

METHODS = ("vectorized", "one_by_one")


def privacy_spent(noise_multiplier: float, sampling_rate: float, steps: int, delta: float) -> float:
    """The epsilon that `steps` of DP-SGD guarantee.

    Whatever is concluded from the trained model has, with and without any one example in the training set,
    probabilities that differ by a factor of at most e^epsilon, but for `delta`. It holds for one example: for k copies
    of one it is k times as large, and more.

    Args:
        noise_multiplier: standard deviation of the noise in units of the clip.
        sampling_rate: probability that an example takes part in a step.
        steps: how many.
        delta: should be well below 1 / examples.

    Raises:
        LmbookError: dp-accounting is not installed, or an argument is out of its range.

    Reference:
        Mironov, Talwar and Zhang 2019, "Rényi differential privacy of the sampled Gaussian mechanism".
    """
    accounting = _accounting()
    _check(sampling_rate, steps, delta)
    if not noise_multiplier > 0:
        raise LmbookError(f"noise_multiplier is {noise_multiplier}.", "Without noise there is no guarantee: give more.")
    accountant = _accountant(accounting)
    accountant.compose(_event(accounting, noise_multiplier, sampling_rate, steps))
    return float(accountant.get_epsilon(delta))


def noise_for(epsilon: float, sampling_rate: float, steps: int, delta: float) -> float:
    """The smallest noise multiplier with which `privacy_spent` stays at `epsilon`.

    Raises:
        LmbookError: dp-accounting is not installed, or an argument is out of its range.
    """
    accounting = _accounting()
    _check(sampling_rate, steps, delta)
    if not epsilon > 0:
        raise LmbookError(f"epsilon is {epsilon}.", "It must be above 0; 1 to 8 are usual.")
    return float(
        accounting.calibrate_dp_mechanism(
            lambda: _accountant(accounting),
            lambda noise: _event(accounting, noise, sampling_rate, steps),
            epsilon,
            delta,
            accounting.LowerEndpointAndGuess(0.0, 1.0),
            tol=1e-3,
        )
    )


def _accountant(accounting):
    # Whole orders are exact and quick; for those between them the series does not always converge.
    return accounting.rdp.RdpAccountant([*range(2, 64), *range(64, 257, 16)])


def _event(accounting, noise_multiplier, sampling_rate, steps):
    step = accounting.PoissonSampledDpEvent(sampling_rate, accounting.GaussianDpEvent(noise_multiplier))
    return accounting.SelfComposedDpEvent(step, steps)


def _check(sampling_rate, steps, delta):
    if not 0 < sampling_rate <= 1:
        raise LmbookError(f"sampling_rate is {sampling_rate}.", "It is a probability: batch size / examples.")
    if steps < 1:
        raise LmbookError(f"steps is {steps}.", "It must be at least 1.")
    if not 0 < delta < 1:
        raise LmbookError(f"delta is {delta}.", "It must be between 0 and 1; for example 1e-5.")


def _accounting():
    try:
        import dp_accounting
        from dp_accounting import rdp  # noqa: F401 (an attribute of dp_accounting from now on)
    except ImportError as error:
        raise LmbookError(
            "The package dp-accounting is not installed; epsilon cannot be computed without it.",
            "Run: python -m pip install 'lmbook[privacy]' (or: python -m pip install dp-accounting==0.6.0).",
        ) from error
    return dp_accounting


class PrivateStep:
    """DP-SGD updates of a language model, in which no single example can have much influence.

    Each example's gradient (of the mean loss of its tokens) is clipped to the norm `clip`; the clipped ones are added;
    noise of standard deviation `noise_multiplier` · `clip` is added to each entry of the sum; what comes out, divided
    by the *expected* batch size, goes to the optimizer. Every example takes part in every step with the same
    probability, independently of the others, which is what `privacy_spent` assumes: batches differ in size.

    The noise comes from a seed so that a lesson can be repeated. A model that is to be given away needs noise that
    nobody can repeat.

    Args:
        model: `model(ids [B, T])` -> logits [B, T, V]; without dropout, which would be the same for all examples.
        optimizer: gets the noisy gradients.
        clip: C, the largest norm of an example's gradient.
        noise_multiplier: sigma; 0 clips only, and guarantees nothing.
        batch_size: expected examples in a step.
        part: examples whose gradients are held in memory at once.
        method: how the gradients of single examples are computed: "vectorized" (`tf.vectorized_map`) or "one_by_one".
        seed: of the noise.

    Raises:
        LmbookError: an argument is out of its range.

    Reference:
        Abadi et al. 2016, "Deep learning with differential privacy", algorithm 1.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        clip: float,
        noise_multiplier: float,
        batch_size: int,
        part: int = 32,
        method: str = "vectorized",
        seed: int = 0,
    ):
        if not clip > 0 or noise_multiplier < 0:
            raise LmbookError(
                f"clip is {clip}, noise_multiplier {noise_multiplier}.", "Clip above 0; noise 0 or more, about 1."
            )
        if method not in METHODS:
            raise LmbookError(f"method={method!r} is not known.", f"Choose one of {', '.join(METHODS)}.")
        self.model, self.optimizer, self.clip, self.part = model, optimizer, clip, part
        weights = model.trainable_variables
        optimizer.build(weights)
        self._sums = [tf.Variable(tf.zeros(weight.shape), trainable=False) for weight in weights]
        self._noise = tf.random.Generator.from_seed(seed)
        self._scale, self._divisor = noise_multiplier * clip, float(batch_size)
        clipped = self._vectorized if method == "vectorized" else self._one_by_one
        self._add = tf.function(lambda *rows: self._add_part(clipped, *rows), jit_compile=method == "vectorized")
        self._apply = tf.function(self._update)

    def __call__(self, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[float, float]:
        """One update from these examples, [B, T] each; B may be 0.

        Returns:
            (mean loss of the examples in nats per token, share of them that were clipped); not private: for the lesson.
        """
        missing = -len(x) % self.part
        x, y, w = (np.pad(rows, ((0, missing), (0, 0))) for rows in (x, y, w))
        loss = clipped = 0.0
        for first in range(0, len(x), self.part):
            rows = (tf.constant(rows[first : first + self.part]) for rows in (x, y, w))
            more = self._add(*rows)
            loss, clipped = loss + float(more[0]), clipped + float(more[1])
        self._apply()
        count = max(1, len(x) - missing)
        return loss / count, clipped / count

    def _gradient(self, x, y, w):
        """Of one example: x, y, w [T] -> (the loss, its gradient clipped, whether that changed it)."""
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(x[None], training=True)
            loss = tf.reduce_sum(token_losses(y[None], logits) * w) / tf.maximum(tf.reduce_sum(w), 1.0)
        gradients = [dense_gradient(g, v) for g, v in zip(tape.gradient(loss, weights), weights, strict=True)]
        norm = tf.sqrt(tf.add_n([tf.reduce_sum(g * g) for g in gradients]))
        factor = tf.minimum(1.0, self.clip / tf.maximum(norm, 1e-12))
        return loss, [g * factor for g in gradients], tf.cast(norm > self.clip, "float32")

    def _vectorized(self, x, y, w):
        loss, gradients, clipped = tf.vectorized_map(lambda row: self._gradient(*row), (x, y, w))
        return tf.reduce_sum(loss), [tf.reduce_sum(g, axis=0) for g in gradients], tf.reduce_sum(clipped)

    def _one_by_one(self, x, y, w):
        def add_one(index, sums):
            return index + 1, tf.nest.map_structure(tf.add, sums, self._gradient(x[index], y[index], w[index]))

        zero = tf.constant(0.0)
        zeros = (zero, [tf.zeros(v.shape) for v in self.model.trainable_variables], zero)
        return tf.while_loop(lambda index, _: index < len(x), add_one, (0, zeros), parallel_iterations=1)[1]

    def _add_part(self, clipped_sum: Callable, x, y, w):
        loss, gradients, clipped = clipped_sum(x, y, w)
        for total, gradient in zip(self._sums, gradients, strict=True):
            total.assign_add(gradient)
        return loss, clipped

    def _update(self):
        gradients = [(s + self._noise.normal(s.shape, stddev=self._scale)) / self._divisor for s in self._sums]
        self.optimizer.apply(gradients, self.model.trainable_variables)
        for total in self._sums:
            total.assign(tf.zeros_like(total))


def poisson_batches(examples: int, batch_size: int, steps: int, seed: int = 0):
    """The indices of the examples of each step; each example takes part with probability `batch_size` / `examples`."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        yield np.flatnonzero(rng.random(examples) < batch_size / examples)
