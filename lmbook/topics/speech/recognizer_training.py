"""Trains a `SpeechRecognizer` with connectionist temporal classification (CTC)."""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.compiled import compiled
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer
from lmbook.topics.speech.log_mel import LogMel
from lmbook.topics.speech.recognizer import SpeechRecognizer
from lmbook.topics.speech.utterances import SpokenSequences, each_utterance, rows
from lmbook.training.distributed.feeding import without_autotune
from lmbook.training.history import History
from lmbook.training.optimizers import OptimizerConfig, make_optimizer
from lmbook.training.progress import Display


def ctc_losses(labels, logits, positions, tokenizer: Tokenizer | SpecialIds):
    """-ln p of each text, all of its paths summed up: labels [B, U], logits [B, T, V], positions [B] -> nats [B].

    The tokenizer's padding is the blank, and fills up the labels.
    """
    blank, labels = tokenizer.pad_id, tf.convert_to_tensor(labels)
    real = tf.where(labels != blank)
    # TensorFlow's kernel for sparse labels is the quick one on a CPU.
    sparse = tf.SparseTensor(real, tf.gather_nd(labels, real), tf.shape(labels, tf.int64))
    return tf.nn.ctc_loss(sparse, logits, None, positions, logits_time_major=False, blank_index=blank)


def train_recognizer(
    model: SpeechRecognizer,
    data: SpokenSequences,
    *,
    steps: int,
    learning_rate: float = 2e-3,
    clip_norm: float = 1.0,
    report_every: int | None = None,
    quiet: bool = False,
) -> History:
    """Make `steps` updates with AdamW; the rate rises over a tenth of them and then falls to nearly 0.

    Args:
        model: changed in place.
        data: new utterances in every batch.
        steps: updates.
        learning_rate: the peak.
        clip_norm: the largest global norm of a gradient.
        report_every: steps between two lines; None: a tenth of the run.
        quiet: print nothing.

    Returns:
        the mean loss of each part of the run, in nats per spoken token.

    Raises:
        LmbookError: `steps` is less than 1, or a loss is no number any more.
    """
    config = OptimizerConfig("adamw", learning_rate, warmup_steps=10**9, final_fraction=0.01, clip_norm=clip_norm)
    optimizer = make_optimizer(config, model, config.schedule(steps))
    sums = tf.Variable([0.0, 0.0], trainable=False)  # nats, tokens

    @tf.function
    def run(batches, count):
        for _ in tf.range(count):
            (features, frames), labels = next(batches)
            tokens = tf.cast(tf.math.count_nonzero(labels != data.tokenizer.pad_id), tf.float32)
            with tf.GradientTape() as tape:
                logits = model(features, frames, training=True)
                nats = tf.reduce_sum(ctc_losses(labels, logits, model.positions(frames), data.tokenizer))
                loss = nats / tokens
            gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, model.trainable_variables), clip_norm)
            optimizer.apply(gradients, model.trainable_variables)
            sums.assign_add([nats, tokens])

    history, display, began, done = History(), Display(quiet), time.perf_counter(), 0
    batches = iter(without_autotune(data.dataset(0, steps)))
    report_every = report_every or max(1, steps // 10)
    while done < steps:
        now = min(report_every, steps - done)
        run(batches, tf.constant(now))
        done += now
        nats, tokens = sums.numpy()
        sums.assign([0.0, 0.0])
        if not np.isfinite(nats):
            raise LmbookError(f"The loss is {nats} after {done} steps.", "Choose a lower learning rate.")
        history.steps.append(done)
        history.loss.append(float(nats / tokens))
        history.seconds.append(time.perf_counter() - began)
        history.tokens += int(tokens)
        speed, left = history.tokens / history.seconds[-1], history.seconds[-1] / done * (steps - done)
        display.report(done, steps, history.loss[-1], None, speed, left)
    return history


def log_probabilities(model: SpeechRecognizer, waves, log_mel: LogMel | None = None) -> list[np.ndarray]:
    """ln p [T, V] at each position of each utterance (float32 [N])."""

    def make(get_model):
        @tf.function(reduce_retracing=True)
        def read(features, frames):
            model = get_model()
            logits = model(features, frames, training=False)
            return tf.nn.log_softmax(logits), model.positions(frames)

        return read

    return each_utterance(compiled(model, "log_probabilities", make), waves, log_mel)


def likeliest_of(found: list[np.ndarray], choices: list[list[int]], tokenizer: Tokenizer | SpecialIds) -> np.ndarray:
    """For each utterance the number of the likeliest of the given texts: ln p [T, V] of each -> [N].

    For a task that knows what can be said, such as one word of ten.
    """
    lengths = np.array([len(one) for one in found], np.int32)
    table = np.zeros((len(found), lengths.max(), found[0].shape[1]), np.float32)
    for row, one in zip(table, found, strict=True):
        row[: len(one)] = one
    losses = [
        ctc_losses(rows([choice] * len(found), tokenizer), table, lengths, tokenizer).numpy() for choice in choices
    ]
    return np.argmin(losses, axis=0)
