"""The batches that `fit` takes, and what all pipelines share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError

IDS, WEIGHTS = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)


@runtime_checkable
class Batches(Protocol):
    """What `fit` takes: an endless run of batches, of which batch k depends on the data, the seed and k alone.

    So `dataset(start_step=k)` goes on exactly where a run that was stopped after k batches would have.

    Attributes:
        batch_size: B, the rows of a batch; of the widest batches where widths differ.
        context: T, the positions of a row; of the widest rows where widths differ.
        steps_per_epoch: batches in one pass over the data; 1 where every batch is made anew.
        description: the settings and a digest of the data, which tell it from other data; checkpoints keep it.
    """

    batch_size: int
    context: int
    steps_per_epoch: int

    @property
    def description(self) -> str: ...

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches number `start_step`, `start_step` + 1, … of the endless run; `steps` of them (None: one epoch).

        Returns:
            a data set of known length, of (x, y, w): what the model reads (an array, or several in a tuple), the
            labels, and the labels' weights, 0 where there is only padding. The first axis of all is B.
        """
        ...


class NumberedBatches:
    """A base for `Batches`: a subclass yields the batches of some steps, and this makes a data set of them.

    A subclass has `steps_per_epoch`, `signature` (the `tf.TensorSpec`s of a batch) and `_batches`; or, if it makes its
    batches with TensorFlow, `_dataset` instead of the last two.
    """

    steps_per_epoch: int
    signature: Any

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches number `start_step`, `start_step` + 1, … of the endless run; `steps` of them (None: one epoch).

        Returns:
            a data set of known length; the class says what is in a batch.

        Raises:
            LmbookError: a number is negative.
        """
        steps = self.steps_per_epoch if steps is None else steps
        if start_step < 0 or steps < 0:
            raise LmbookError(f"start_step is {start_step} and steps is {steps}.", "Neither may be negative.")
        return self._dataset(start_step, steps).apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)

    def _dataset(self, start_step: int, steps: int) -> tf.data.Dataset:
        return tf.data.Dataset.from_generator(lambda: self._batches(start_step, steps), output_signature=self.signature)

    def _batches(self, start_step: int, steps: int) -> Iterator:
        """Batches number `start_step` to `start_step + steps - 1`, as arrays."""
        raise NotImplementedError


def padded(rows: Sequence[Sequence], width: int, fill: float, dtype: type = np.int32) -> np.ndarray:
    """Rows in an array [N, width], or of arrays [length, …] in one [N, width, …], filled up with `fill`."""
    array = np.full((len(rows), width, *(np.shape(rows[0])[1:] if len(rows) else ())), fill, dtype)
    for row, values in zip(array, rows, strict=True):
        row[: len(values)] = values
    return array


def check_ids(texts: Iterable[Sequence[int]]) -> None:
    """Check that each of these is a list of ids: not a text that was not encoded, and not a single id.

    Raises:
        LmbookError: one is something else.
    """
    for text in texts:
        if isinstance(text, str) or not hasattr(text, "__len__"):
            raise LmbookError(
                f"Lists of ids are needed, but one of them is {text!r:.60}.",
                "Encode each text: [tokenizer.encode(text) for text in texts].",
            )
