"""Distillation: a small model learns from the predictions of a large one as well as from the labels."""

from __future__ import annotations

import keras
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import Batches
from lmbook.training.distributed.feeding import distribute_batches
from lmbook.training.optimizers import OptimizerConfig, make_optimizer
from lmbook.training.step import TrainingStep, jit_by_default, token_losses

OPTIMIZER = OptimizerConfig("muon", learning_rate=6e-3, warmup_steps=20, weight_decay=0.0)


def distillation_losses(labels, logits, taught, share: float, temperature: float):
    """The loss of each token, [B, T]: (1 - share) x cross-entropy + share x temperature^2 x KL(teacher || student).

    Of two words that did not come, one was likelier than the other; the labels do not say so, the teacher does. A
    temperature above 1 flattens both distributions, so that unlikely words count more; its square keeps the size of the
    gradient.

    Args:
        labels: [B, T].
        logits: the student's [B, T, V].
        taught: the teacher's [B, T, V].
        share: of the teacher, 0 to 1.
        temperature: by which both logits are divided.

    Reference:
        Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network", section 2.
    """
    hard = token_losses(labels, logits)
    if not share:
        return hard  # and XLA leaves out a teacher whose predictions are not used
    expected = tf.nn.softmax(taught / temperature)
    surprise = tf.nn.log_softmax(taught / temperature) - tf.nn.log_softmax(logits / temperature)
    soft = temperature**2 * tf.reduce_sum(expected * surprise, axis=-1)
    return (1 - share) * hard + share * soft


class DistillationStep(TrainingStep):
    """A `TrainingStep` whose loss is that of `distillation_losses`.

    Args:
        student: see `TrainingStep`.
        optimizer: built for the student's weights.
        teacher: model with the same vocabulary; it is not changed.
        share, temperature: see `distillation_losses`.
        kwargs: of `TrainingStep`.
    """

    def __init__(self, student, optimizer, teacher, *, share: float, temperature: float, **kwargs):
        self.teacher, self.share, self.temperature = teacher, share, temperature
        super().__init__(student, optimizer, **kwargs)

    def _losses(self, x, y, logits):
        taught = tf.stop_gradient(tf.cast(self.teacher(x, training=False), "float32"))
        return distillation_losses(y, logits, taught, self.share, self.temperature)


def distil(
    student: keras.Model,
    teacher: keras.Model,
    data: Batches,
    *,
    steps: int,
    share: float = 0.9,
    temperature: float = 1.0,
    optimizer: OptimizerConfig = OPTIMIZER,
    jit_compile: bool | None = None,
) -> float:
    """Train `student` on `data` and on `teacher`'s predictions; returns the mean loss of the last tenth of the steps.

    One device, no checkpoints: what `fit` does beyond that, it does for long runs.

    Args:
        student: the model that learns.
        teacher: a trained one.
        data: as `fit` takes it.
        steps: updates.
        share, temperature: see `distillation_losses`.
        optimizer, jit_compile: see `fit`.

    Raises:
        LmbookError: the vocabularies differ, or a number is out of its range.
    """
    if student.config.vocabulary_size != teacher.config.vocabulary_size:
        sizes = student.config.vocabulary_size, teacher.config.vocabulary_size
        raise LmbookError(f"The student knows {sizes[0]} tokens, the teacher {sizes[1]}.", "Use one tokenizer.")
    if not 0.0 <= share <= 1.0 or not temperature > 0.0 or steps < 1:
        raise LmbookError(
            f"{share=}, {temperature=}, {steps=}: out of range.",
            "Choose for example share=0.9, temperature=1, steps=500.",
        )
    training = DistillationStep(
        student,
        make_optimizer(optimizer, student, optimizer.schedule(steps)),
        teacher,
        share=share,
        temperature=temperature,
        clip_norm=optimizer.clip_norm,
        jit_compile=jit_by_default(student) if jit_compile is None else jit_compile,
    )
    batches, last = distribute_batches(data, training.strategy, 0, steps), max(1, steps // 10)
    if steps > last:
        training.run(batches, steps - last)
    training.reset()
    training.run(batches, last)
    return training.loss
