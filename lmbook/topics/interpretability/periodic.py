"""Meaningless text that is nevertheless predictable: each row repeats the same few tokens."""

from __future__ import annotations

import tensorflow as tf

from lmbook.errors import LmbookError


class PeriodicRows:
    """Rows of T tokens, all different for a period, and then the same ones in the same order until the row is full.

    Periods are drawn evenly, a new one for each row, so that no distance tells what comes: it has to be looked up what
    followed the present token before. Batch k is a pure function of (seed, k), and none is ever repeated. Only tokens
    that can be known have weight 1.

    Args:
        vocabulary_size: ids are drawn from 3 (after the special tokens) to this.
        context: T.
        periods: the shortest and the longest.
        batch_size: B.
        seed: of everything drawn.

    Raises:
        LmbookError: the periods do not fit into the vocabulary or the row.
    """

    def __init__(
        self, vocabulary_size: int, context: int, *, periods: tuple[int, int], batch_size: int = 64, seed: int = 0
    ):
        least, most = periods
        if not 1 <= least <= most < context or most > vocabulary_size - 3:
            raise LmbookError(
                f"Periods of {least} to {most} do not fit {vocabulary_size - 3} tokens and rows of {context}.",
                "Choose shorter ones, or more tokens and longer rows.",
            )
        self.vocabulary_size, self.context, self.periods = vocabulary_size, context, periods
        self.batch_size, self.seed = batch_size, seed

    @property
    def description(self) -> str:
        """The settings, to tell this data from other data."""
        return f"periods {self.periods} of {self.vocabulary_size} tokens, {self.context} in a row, seed {self.seed}"

    def dataset(self, start_step: int = 0, steps: int = 1) -> tf.data.Dataset:
        """Batches number `start_step`, … of the endless run: (x int32 [B, T], y int32 [B, T], w float32 [B, T])."""
        numbers = tf.data.Dataset.range(start_step, start_step + steps)
        return numbers.map(self._batch, num_parallel_calls=2, deterministic=True).prefetch(2)

    def _batch(self, number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        seed, (least, most) = tf.stack([tf.constant(self.seed, tf.int64), number]), self.periods
        period = tf.random.stateless_uniform((self.batch_size, 1), seed, least, most + 1, tf.int32)
        keys = tf.random.stateless_uniform((self.batch_size, self.vocabulary_size - 3), -1 - seed)
        deck = 3 + tf.argsort(keys, axis=1)[:, :most]  # tokens in random order
        places = tf.range(self.context + 1)[None, :]
        row = tf.gather(deck, places % period, batch_dims=1)
        known = tf.cast(places[:, :-1] >= period, tf.float32)  # the present token has stood before
        return row[:, :-1], row[:, 1:], known
