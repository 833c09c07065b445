"""Batches of pictures with captions, for training a captioner or a contrastive model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import NumberedBatches
from lmbook.pipelines.causal import document_rows
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer


class CaptionedPictures(NumberedBatches):
    """Pictures, and captions to be written: the decoder reads `<end> t1 … tn`, its labels are `t1 … tn <end>`.

    A batch is ((pictures uint8 [B, Y, X, 3], ids int32 [B, T]), labels int32 and weights float32, both [B, T]). Batch k
    is a pure function of (seed, k). In each epoch the pictures come in a new order; what does not fill a last batch is
    left out.

    Args:
        pictures: uint8 [N, Y, X, 3].
        captions: ids of each, without `<end>`.
        tokenizer: its `end_id` opens and closes a caption, and its `pad_id` fills it up.
        batch_size: B.
        seed: of the order.

    Attributes:
        steps_per_epoch: batches in an epoch.
        context: T, that of the longest caption with its `<end>`.

    Raises:
        LmbookError: there is not one caption for each picture, or there are fewer than `batch_size`.
    """

    def __init__(
        self,
        pictures: np.ndarray,
        captions: Sequence[Sequence[int]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        batch_size: int,
        seed: int = 0,
    ):
        if len(pictures) != len(captions):
            raise LmbookError(
                f"There are {len(pictures)} pictures and {len(captions)} captions.", "Give one for each picture."
            )
        if not 1 <= batch_size <= len(pictures):
            raise LmbookError(
                f"batch_size={batch_size} does not fit {len(pictures)} pictures.",
                "Choose 1 to the number of pictures, or give more pictures.",
            )
        self._pictures, self.batch_size, self.seed = pictures, batch_size, seed
        self.context = 1 + max(map(len, captions))
        self._read, self._labels, self._weights = document_rows(captions, tokenizer, self.context)
        self.steps_per_epoch = len(pictures) // batch_size
        self.signature = tf.nest.map_structure(
            lambda part: tf.TensorSpec(part.shape, part.dtype), self._batch(np.arange(batch_size))
        )

    @property
    def description(self) -> str:
        """The settings and the sha256 of pictures and captions, to tell this data from other data."""
        digest = hashlib.sha256(self._pictures.tobytes() + self._labels.tobytes()).hexdigest()[:16]
        return f"{len(self._pictures)} pictures with sha256 {digest}, {self.batch_size=}, {self.seed=}"

    def _batches(self, start_step: int, steps: int) -> Iterator:
        for step in range(start_step, start_step + steps):
            epoch, place = divmod(step, self.steps_per_epoch)
            if step == start_step or place == 0:
                order = np.random.Generator(np.random.PCG64([self.seed, epoch])).permutation(len(self._pictures))
            yield self._batch(order[place * self.batch_size : (place + 1) * self.batch_size])

    def _batch(self, rows: np.ndarray):
        return (self._pictures[rows], self._read[rows]), self._labels[rows], self._weights[rows]


class PicturePairs(CaptionedPictures):
    """Pictures and captions for a `ContrastiveModel`, which is asked which belong together.

    Batches are ((pictures uint8 [B, Y, X, 3], ids int32 [B, T]), labels int32 and weights float32, both [2, B]):
    caption i belongs to picture i, and picture i to caption i. A batch must not be shared out among devices.
    """

    def _batch(self, rows: np.ndarray):
        labels = np.tile(np.arange(len(rows), dtype=np.int32), (2, 1))
        return (self._pictures[rows], self._labels[rows]), labels, np.ones(labels.shape, np.float32)
