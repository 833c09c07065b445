"""How well a `StoryReader` answers, and how certain it is."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.models.compiled import compiled
from lmbook.topics.reading.story_batches import StoryBatches


@dataclass(frozen=True)
class StoryAnswers:
    """A model's answers to all questions of a `StoryBatches`, in the order of its `answers`.

    Attributes:
        chosen: id of the likeliest answer; int [Q].
        right: whether it is the right one; bool [Q].
        log_probabilities: of all answers; float32 [Q, V].
        nats: mean cross-entropy of a right answer.
    """

    chosen: np.ndarray
    right: np.ndarray
    log_probabilities: np.ndarray
    nats: float

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())


def answer_stories(model: keras.Model, data: StoryBatches) -> StoryAnswers:
    """Let a `StoryReader` answer all questions."""

    def reader(get_model):
        return tf.function(lambda ids: tf.nn.log_softmax(get_model()(ids, training=False)), reduce_retracing=True)

    found = data.each(compiled(model, "answers", reader))
    chosen = found.argmax(axis=1)
    nats = -float(found[np.arange(len(found)), data.answers].mean())
    return StoryAnswers(chosen, chosen == data.answers, found, nats)
