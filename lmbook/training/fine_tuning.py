"""Fine-tuning: a trained `BERT` with a new head learns from a few labelled texts."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.bert import BERT, BERTTask, mean_vectors, real_tokens
from lmbook.models.compiled import compiled
from lmbook.pipelines.labelled import LabelledTexts
from lmbook.training.checkpoint import assign, values
from lmbook.training.distributed.feeding import without_autotune
from lmbook.training.history import History
from lmbook.training.optimizers import ScaledAdam, WarmupCosine
from lmbook.training.step import TrainingStep, jit_by_default, seed_states

PARTS = ("head", "last", "all")


def train_only(model: BERTTask, part: str) -> None:
    """Choose which weights are trained.

    Args:
        model: a `BERT` with a head.
        part: "head": nothing of the `BERT`; "last": its last block too (and its pooler); "all".

    Raises:
        LmbookError: there is no such part.
    """
    if part not in PARTS:
        raise LmbookError(f"part={part!r} is not known.", f"Choose one of {', '.join(PARTS)}.")
    bert = model.bert
    bert.trainable = part != "head"
    bert.embedding.trainable = part == "all"
    for block in bert.blocks:
        block.trainable = part == "all" or (part == "last" and block is bert.blocks[-1])
    if bert.pooler is not None:
        bert.pooler.trainable = part != "head"


def rate_factors(model: BERTTask, decay: float) -> list[float]:
    """A factor for the learning rate of each trainable weight: the nearer to the input, the smaller.

    1 for the head, `decay` for the last block (and the pooler), its square for the one before, and so on to the
    embedding. What the first layers know, single words, serves every task; the last ones have to change most.

    Reference:
        Howard and Ruder 2018, "Universal language model fine-tuning for text classification", section 3.2.
    """
    bert, factors = model.bert, {}
    for depth, layer in enumerate([*reversed(bert.blocks), bert.embedding], start=1):
        factors.update((id(weight), decay**depth) for weight in layer.variables)
    if bert.pooler is not None:
        factors.update((id(weight), decay) for weight in bert.pooler.variables)
    return [factors.get(id(weight), 1.0) for weight in model.trainable_variables]


class FineTuning:
    """Trains one model repeatedly, each time from given weights and on other examples.

    `fit` is for a run that takes hours, with checkpoints and many devices. This one is for runs so short that compiling
    would take longest: the compiled update is made once. The learning rate rises over a tenth of the steps and falls to
    0; there is no decay of weights, which does nothing in so few steps.

    Args:
        model: a `BERT` with a head of dense layers, such as `BERTClassifier`.
        part: what is trained, see `train_only`.
        learning_rate: the peak, of the head.
        decay: see `rate_factors`; 1: all weights have the same rate.
        clip_norm: the largest global norm of a gradient.
        jit_compile: let XLA compile the update, anew for each width of a batch; None: what the model's class says.

    Example:
        tuning = FineTuning(BERTClassifier(bert, 2), "last", learning_rate=1e-3)
        history = tuning.run(data, steps=100, validation=held_out, patience=3)
    """

    def __init__(
        self,
        model: BERTTask,
        part: str = "all",
        *,
        learning_rate: float,
        decay: float = 1.0,
        clip_norm: float = 1.0,
        jit_compile: bool | None = None,
    ):
        train_only(model, part)
        self.model, self._part = model, part
        self._schedule = WarmupCosine(learning_rate, 1, warmup_steps=10**9, final_fraction=0.0)
        self._optimizer = ScaledAdam(self._schedule, rate_factors(model, decay))
        self._optimizer.build(model.trainable_variables)
        jit_compile = jit_by_default(model) if jit_compile is None else jit_compile
        self._training = TrainingStep(model, self._optimizer, clip_norm=clip_norm, jit_compile=jit_compile)
        self._bert = [weight.numpy() for weight in model.bert.weights]
        self._fresh = values("optimizer", self._optimizer.variables)

    def run(
        self,
        data: LabelledTexts,
        *,
        steps: int,
        validation: LabelledTexts | None = None,
        report_every: int | None = None,
        patience: int | None = None,
        start: list[np.ndarray] | None = None,
        seed: int = 0,
    ) -> History:
        """Train a new head and the chosen part of the model; afterwards it holds the best weights found.

        Args:
            data: the examples.
            steps: updates, at most.
            validation: scored every `report_every` steps; the weights of the lowest loss are kept. None: the last ones.
            report_every: steps between two reports; None: an epoch.
            patience: stop after so many reports in a row without a lower validation loss; None: never.
            start: the weights of the `BERT` to start from; None: those that it had when this `FineTuning` was made.
            seed: of the new head and of dropout.

        Raises:
            LmbookError: patience without validation, or a number is less than 1.
        """
        report_every = data.steps_per_epoch if report_every is None else report_every
        if min(steps, report_every, patience or 1) < 1:
            raise LmbookError(
                f"{steps=}, {report_every=}, {patience=}: they must be at least 1.", "Choose larger ones."
            )
        if patience is not None and validation is None:
            raise LmbookError("patience was given without validation.", "Give labelled texts to watch.")
        self._begin(self._bert if start is None else start, steps, seed)
        history, best, waited = History(), None, 0
        batches, done = iter(without_autotune(data.dataset(0, steps))), 0
        while done < steps and (patience is None or waited < patience):
            now = min(report_every, steps - done)
            self._training.reset()
            self._training.run(batches, now)
            done += now
            history.steps.append(done)
            history.loss.append(self._training.loss)
            if validation is None:
                continue
            loss, waited = classification_loss(self.model, validation), waited + 1
            if best is None or loss < history.best_loss:
                history.best_step, best, waited = done, values("weight", self.model.weights), 0
            history.validation_steps.append(done)
            history.validation_loss.append(loss)
        if best is not None:
            assign("weight", self.model.weights, best)
        return history

    def _begin(self, bert: list[np.ndarray], steps: int, seed: int) -> None:
        """Restore the state before the first step: the given `BERT`, a head and dropout drawn by `seed`."""
        train_only(self.model, self._part)  # another `FineTuning` of the same model may have chosen otherwise
        rng = np.random.default_rng(seed)
        for weight, value in zip(self.model.bert.weights, bert, strict=True):
            weight.assign(value)
        own = {id(weight) for weight in self.model.bert.weights}
        for weight in self.model.weights:
            if id(weight) not in own:
                matrix = len(weight.shape) == 2
                weight.assign(rng.normal(0, self.model.config.stddev if matrix else 0.0, weight.shape))
        for number, state in enumerate(seed_states(self.model)):
            state.assign([seed, 1_000_000 * number])
        assign("optimizer", self._optimizer.variables, self._fresh)
        self._schedule.total_steps.assign(float(steps))


def class_logits(model: keras.Model, texts: LabelledTexts) -> np.ndarray:
    """The logits [N, C] of every text."""
    return texts.each(compiled(model, "logits", _reader(lambda model, ids: model(ids, training=False))))


def classification_loss(model: keras.Model, texts: LabelledTexts) -> float:
    """Mean cross-entropy in nats per text."""
    logits = class_logits(model, texts)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=texts.classes, logits=logits)
    return float(tf.reduce_mean(losses))


def text_vectors(bert: BERT, texts: LabelledTexts) -> np.ndarray:
    """The mean [N, D] of the vectors of every text's tokens."""
    mean = _reader(lambda model, ids: mean_vectors(model(ids, training=False), real_tokens(ids, model.config.pad_id)))
    return texts.each(compiled(bert, "vectors", mean))


def _reader(read):
    return lambda get_model: tf.function(lambda ids: read(get_model(), ids), reduce_retracing=True)
