"""Meaningless text that is nevertheless predictable: each row repeats the same few tokens."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import NumberedBatches


class PeriodicRows(NumberedBatches):
    """Rows of T tokens, all different for a period, and then the same ones in the same order until the row is full.

    Periods are drawn evenly, a new one for each row, so that no distance tells what comes: it has to be looked up what
    followed the present token before. Batch k is a pure function of (seed, k), and none is ever repeated. A batch is
    (x int32 [B, T], y int32 [B, T], w float32 [B, T]); only tokens that can be known have weight 1.

    Args:
        tokens: the ids to draw from.
        context: T.
        periods: the shortest and the longest.
        batch_size: B.
        seed: of everything drawn.

    Attributes:
        steps_per_epoch: 1, since every batch is new.

    Raises:
        LmbookError: the periods do not fit the tokens or the row.
    """

    steps_per_epoch = 1

    def __init__(
        self, tokens: Sequence[int], context: int, *, periods: tuple[int, int], batch_size: int = 64, seed: int = 0
    ):
        least, most = periods
        if not 1 <= least <= most < context or most > len(tokens):
            raise LmbookError(
                f"Periods of {least} to {most} do not fit {len(tokens)} tokens and rows of {context}.",
                "Choose shorter ones, or more tokens and longer rows.",
            )
        self.tokens, self.context, self.periods = list(tokens), context, periods
        self.batch_size, self.seed = batch_size, seed

    @property
    def description(self) -> str:
        """The settings, to tell this data from other data."""
        return f"periods {self.periods} of tokens {self.tokens}, {self.context} in a row, seed {self.seed}"

    def _dataset(self, start_step: int, steps: int) -> tf.data.Dataset:
        numbers = tf.data.Dataset.range(start_step, start_step + steps)
        return numbers.map(self._batch, num_parallel_calls=2, deterministic=True)

    def _batch(self, number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        seed, (least, most) = tf.stack([tf.constant(self.seed, tf.int64), number]), self.periods
        period = tf.random.stateless_uniform((self.batch_size, 1), seed, least, most + 1, tf.int32)
        keys = tf.random.stateless_uniform((self.batch_size, len(self.tokens)), -1 - seed)
        deck = tf.gather(tf.constant(self.tokens), tf.argsort(keys, axis=1)[:, :most])  # tokens in random order
        places = tf.range(self.context + 1)[None, :]
        row = tf.gather(deck, places % period, batch_dims=1)
        known = tf.cast(places[:, :-1] >= period, tf.float32)  # the present token has stood before
        return row[:, :-1], row[:, 1:], known
