"""A synthetic task for the memory of a model: name the first symbol after many tokens that do not matter."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import NumberedBatches


class RecallTask(NumberedBatches):
    """Sequences `symbol d1 … dn query`; the symbol is to be named at the query.

    Ids 0 … symbols - 1 are the symbols, the next `distractors` ids the tokens in between, the last id the query. All
    are drawn evenly and independently, so nothing but the first token helps: without memory the best is a guess, right
    once in `symbols`. Batch k is a pure function of (seed, k), and none is ever repeated, so nothing can be learned by
    heart. A batch is (x int32 [B, T], y int32 [B, T], w float32 [B, T]); the weight is 0 but at the query.

    Args:
        distance: n, the number of distractors between the symbol and the query.
        symbols: how many symbols there are.
        distractors: how many different distractors there are.
        batch_size: B.
        seed: of everything drawn.

    Attributes:
        vocabulary_size: symbols + distractors + 1.
        context: T = distance + 2.
        steps_per_epoch: 1, since every batch is new.

    Raises:
        LmbookError: an argument is less than 1, or there is only one symbol.
    """

    steps_per_epoch = 1

    def __init__(self, distance: int, *, symbols: int = 8, distractors: int = 8, batch_size: int = 64, seed: int = 0):
        for name, value, least in (
            ("distance", distance, 1),
            ("symbols", symbols, 2),
            ("distractors", distractors, 1),
            ("batch_size", batch_size, 1),
        ):
            if value < least:
                raise LmbookError(f"{name}={value!r} is less than {least}.", f"Choose {name} >= {least}.")
        self.distance, self.symbols, self.distractors = distance, symbols, distractors
        self.batch_size, self.seed = batch_size, seed
        self.vocabulary_size = symbols + distractors + 1
        self.context = distance + 2

    @property
    def description(self) -> str:
        """The settings, to tell this data from other data."""
        return f"recall {self.symbols} at {self.distance}, {self.distractors} distractors, seed {self.seed}"

    def sample(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """`count` sequences [count, T] and their symbols [count]: batch 0 of this seed in another size."""
        x, y, _ = self._rows(count, tf.constant(0, tf.int64))
        return x.numpy(), y.numpy()[:, -1]

    def _dataset(self, start_step: int, steps: int) -> tf.data.Dataset:
        numbers = tf.data.Dataset.range(start_step, start_step + steps)
        return numbers.map(self._batch, num_parallel_calls=2, deterministic=True)

    def _batch(self, number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return self._rows(self.batch_size, number)

    def _rows(self, rows: int, number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        seed = tf.stack([tf.constant(self.seed, tf.int64), number])
        symbol = tf.random.stateless_uniform((rows, 1), seed, maxval=self.symbols, dtype=tf.int32)
        between = tf.random.stateless_uniform((rows, self.distance), -1 - seed, maxval=self.distractors, dtype=tf.int32)
        query = tf.fill((rows, 1), self.vocabulary_size - 1)
        x = tf.concat([symbol, self.symbols + between, query], axis=1)
        y = tf.concat([x[:, 1:], symbol], axis=1)
        w = tf.concat([tf.zeros((rows, self.context - 1)), tf.ones((rows, 1))], axis=1)
        return x, y, w
