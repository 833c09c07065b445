"""From logits to the next token: greedy, temperature, top-k, top-p, min-p, repetition penalty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    For another method, override `sample_token` in a subclass; `generate`, `stream` and `Chat` take it in place of this
    class. Make it a frozen dataclass too: the loop is compiled once for each value of it.

    Args:
        temperature: logits are divided by it: below 1 the likely tokens become likelier. 0: always the likeliest one
            (greedy).
        top_k: only the k likeliest tokens are considered (None: all). Fan et al. 2018.
        top_p: only the likeliest tokens that together reach probability p are considered (None: all). It is applied
            after the temperature and `top_k`. Holtzman et al. 2020, "The curious case of neural text degeneration".
        min_p: only tokens at least so likely as this share of the likeliest one's probability (None: all), after the
            temperature. Nguyen et al. 2024, "Turning up the heat: min-p sampling".
        repetition_penalty: logits of tokens that the text (prompt included) has already are divided by it where they
            are above 0, and multiplied where below; 1 changes nothing. Keskar et al. 2019, "CTRL", section 4.1.

    Raises:
        LmbookError: a value is out of its range.

    Example:
        @dataclass(frozen=True)
        class EpsilonSampling(Sampling):  # Hewitt et al. 2022
            epsilon: float = 0.01

            def sample_token(self, logits, uniform):
                p = tf.nn.softmax(logits)
                least = tf.minimum(self.epsilon, tf.reduce_max(p, axis=-1, keepdims=True))
                return sample_token(tf.where(p >= least, logits, -math.inf), uniform)
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self):
        # Logits divided by less, or multiplied by it, would leave the numbers that float32 and float16 can hold.
        if not (self.temperature == 0 or 1e-3 <= self.temperature <= 1e3):
            raise LmbookError(
                f"temperature is {self.temperature}.", "It must be 0 (greedy), or from 0.001 to 1000; 1 is neutral."
            )
        if self.top_k is not None and (self.top_k != int(self.top_k) or self.top_k < 1):
            raise LmbookError(f"top_k is {self.top_k}.", "It must be a whole number of at least 1.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise LmbookError(f"top_p is {self.top_p}.", "It must be above 0 and at most 1.")
        if self.min_p is not None and not 0 < self.min_p <= 1:
            raise LmbookError(f"min_p is {self.min_p}.", "It must be above 0 and at most 1.")
        if not 0.01 <= self.repetition_penalty <= 100:
            raise LmbookError(
                f"repetition_penalty is {self.repetition_penalty}.", "It must be 0.01 to 100; 1 changes nothing."
            )

    @property
    def greedy(self) -> bool:
        return self.temperature == 0

    def sample_token(self, logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
        """Choose one token for each row; not called when greedy. It runs in the graph of the decoding loop.

        Args:
            logits: [B, V], with the penalty for repetition and the temperature applied, and -inf where a token must
                not be written.
            uniform: float64 [B], random numbers in [0, 1). A choice that depends on nothing else that is random is
                repeated by the same seed.

        Returns:
            ids int32 [B].
        """
        return sample_token(filter_logits(logits, top_k=self.top_k, top_p=self.top_p, min_p=self.min_p), uniform)


def keep_top_k(logits: tf.Tensor, k: int) -> tf.Tensor:
    """Logits [B, V] with -inf for all but the k largest of each row; ties with the k-th largest are kept too."""
    least = tf.math.top_k(logits, min(k, logits.shape[-1])).values[:, -1:]
    return tf.where(logits >= least, logits, -math.inf)


def keep_top_p(logits: tf.Tensor, p: float) -> tf.Tensor:
    """Logits [B, V] with -inf for all but the likeliest tokens of each row that together reach probability p.

    The likeliest token is always kept, and so are ties with the last one kept.
    """
    ordered = tf.sort(logits, direction="DESCENDING")
    before = tf.cumsum(tf.nn.softmax(ordered), axis=-1, exclusive=True)  # probability of all likelier tokens
    kept = tf.where(before < p, ordered, math.inf)
    return tf.where(logits >= tf.reduce_min(kept, axis=-1, keepdims=True), logits, -math.inf)


def keep_min_p(logits: tf.Tensor, p: float) -> tf.Tensor:
    """Logits [B, V] with -inf for tokens less likely than p times the likeliest one of their row."""
    return tf.where(logits >= tf.reduce_max(logits, axis=-1, keepdims=True) + math.log(p), logits, -math.inf)


def penalize(logits: tf.Tensor, seen: tf.Tensor, penalty: float) -> tf.Tensor:
    """Logits [B, V] lowered where seen [B, V] is True."""
    return tf.where(seen, tf.where(logits > 0, logits / penalty, logits * penalty), logits)


def filter_logits(
    logits: tf.Tensor,
    temperature: float | tf.Tensor = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> tf.Tensor:
    """Logits [B, V] of the distribution that is sampled from; `temperature` must be above 0."""
    logits = logits / tf.cast(temperature, logits.dtype)
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None:
        logits = keep_top_p(logits, top_p)
    if min_p is not None:
        logits = keep_min_p(logits, min_p)
    return logits


def sample_token(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Draw one token for each row by inverting the cumulative distribution.

    Args:
        logits: [B, V].
        uniform: float64 [B], random numbers in [0, 1).

    Returns:
        ids int32 [B]; token v is chosen for the share softmax(logits)[v] of all values of `uniform`.
    """
    cumulative = tf.cumsum(tf.nn.softmax(tf.cast(logits, tf.float64)), axis=-1)
    threshold = uniform[:, None] * cumulative[:, -1:]
    return tf.argmax(cumulative > threshold, axis=-1, output_type=tf.int32)
