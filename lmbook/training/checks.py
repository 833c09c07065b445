"""Checks before the first step, for mistakes with which a model trains but never learns its task.

Each says in plain words what is wrong and what to do. Together they take about a second for a small model. The model
is as it was afterwards, its random state included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import Batches
from lmbook.training.step import dense_gradient, token_losses

ALL_CHECKS = ("ids", "labels", "future", "initial_loss", "overfit")
_ROWS, _POSITIONS, _STEPS = 2, 12, 40  # of the over-fitting check: small enough to learn by heart at once


def check_before_training(model: keras.Model, data: Batches, which: Sequence[str] = ALL_CHECKS) -> None:
    """Run the checks named in `which`, in that order, on the first batch of `data`.

    "ids": every id of the inputs and labels is in 0 … V - 1.
    "labels": the labels are the inputs one token later, not the inputs themselves.
    "future": no position's logits depend on a later token.
    "initial_loss": the untrained model's loss is near ln V, that of a uniform guess, whatever the labels.
    "overfit": a few steps on a few tokens lower their loss clearly.

    Args:
        model: built, with weights as they were initialised.
        data: what the model is to be trained on; the sources [B, S] of `SentencePairs` are read along.
        which: names out of `ALL_CHECKS`; empty for none.

    Raises:
        LmbookError: a check fails (named in the message), or a name is not known.
    """
    known = {
        "ids": lambda: check_ids(model, x, y, source),
        "labels": lambda: check_labels(x, y, w),
        "future": lambda: check_future(model, x, source),
        "initial_loss": lambda: check_initial_loss(model, x, w, source),
        "overfit": lambda: check_overfit(model, x, y, w, source),
    }
    for name in which:
        if name not in known:
            raise LmbookError(f"There is no check called {name!r}.", f"Choose from {', '.join(ALL_CHECKS)}.")
    if not which:
        return
    x, y, w = tf.nest.map_structure(np.asarray, next(iter(data.dataset(0, 1))))
    source, x = x if isinstance(x, tuple) else (None, x)
    for name in which:
        known[name]()


def slow_precision(model: keras.Model) -> str | None:
    """A warning where a GRU is in float16 and there is no GPU; None for all else.

    On some CPUs one step then takes a minute, and nothing can be heard of it, not even Ctrl-C.
    """
    if tf.config.list_logical_devices("GPU"):
        return None
    slow = [one for one in model._flatten_layers() if isinstance(one, keras.layers.GRU)]
    if not any(one.compute_dtype == "float16" for one in slow):
        return None
    return (
        "A GRU in float16 (mixed_float16) takes up to a minute for each step on some CPUs, and Ctrl-C waits for the "
        "end of a step; float32 and mixed_bfloat16 are fast."
    )


def check_ids(model: keras.Model, x: np.ndarray, y: np.ndarray, source: np.ndarray | None = None) -> None:
    """Check that all ids [B, T] lie in the vocabulary. (On a GPU a wrong id gives zeros instead of an error.)"""
    vocabulary = model.config.vocabulary_size
    for name, ids in (("inputs", x), ("labels", y), *([] if source is None else [("sources", source)])):
        if ids.min() < 0 or ids.max() >= vocabulary:
            wrong = int(ids.min() if ids.min() < 0 else ids.max())
            raise LmbookError(
                f"Check 'ids': the {name} hold the id {wrong}, but the model has vocabulary_size={vocabulary}, ids 0 "
                f"to {vocabulary - 1}.",
                "Make the model with the vocabulary_size of the tokenizer that wrote these ids.",
            )


def check_labels(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> None:
    """Check that the labels [B, T] are the inputs [B, T] one token later, wherever w [B, T] counts them."""
    counted = w > 0
    if not counted.any():
        raise LmbookError("Check 'labels': every weight is 0, no token counts.", "Look at how the weights are made.")
    varied = any(len(np.unique(row[real])) > 1 for row, real in zip(x, counted, strict=True))
    if varied and (x == y)[counted].all():
        raise LmbookError(
            "Check 'labels': the labels equal the inputs (`labels = data`), so the model would learn to copy the token "
            "it is shown and its loss would fall to 0 without learning any language.",
            "Shift them: inputs ids[:-1], labels ids[1:].",
        )
    inside = counted[:, :-1] & counted[:, 1:]
    wrong = int(((y[:, :-1] != x[:, 1:]) & inside).sum())
    if wrong:
        raise LmbookError(
            f"Check 'labels': {wrong} of {int(inside.sum())} labels are not the next token of their row.",
            "The label of position t is the input of position t + 1: inputs ids[:-1], labels ids[1:].",
        )


def check_future(model: keras.Model, x: np.ndarray, source: np.ndarray | None = None) -> None:
    """Check that changing the tokens from some position on does not change the logits before it.

    Noise is added to the weights meanwhile: layers that begin at zero would hide where they look.
    """
    length = x.shape[1]
    if length < 2:
        return
    row = x[0]
    rows, cuts = [row], sorted({length // 2, length - 1})
    for cut in cuts:
        changed = row.copy()
        changed[cut:] = (changed[cut:] + 1) % model.config.vocabulary_size
        rows.append(changed)
    rng = np.random.default_rng(0)
    with _restored(model):
        for variable in model.trainable_variables:
            variable.assign_add(rng.normal(scale=0.1, size=variable.shape))
        sources = None if source is None else np.repeat(source[:1], len(rows), axis=0)
        logits = np.asarray(model(_inputs(np.stack(rows), sources), training=False), "float32")
    tolerance = 1e-4 * float(np.abs(logits).max())
    for cut, changed in zip(cuts, logits[1:], strict=True):
        moved = np.abs(changed[:cut] - logits[0, :cut]).max(axis=-1)
        if moved.max() > tolerance:
            raise LmbookError(
                f"Check 'future': position {int(moved.argmax())} sees the future: its logits change by "
                f"{moved.max():.3g} when only the tokens from position {cut} on are changed.",
                "Give the attention a causal mask, and no bidirectional layer or pooling over positions.",
            )


def check_initial_loss(model: keras.Model, x: np.ndarray, w: np.ndarray, source: np.ndarray | None = None) -> None:
    """Check that the loss of the untrained model is within 20 % of ln V, or within 1 nat of it.

    The loss is the mean over all V tokens as labels, not that of the text's own: with few different tokens it depends
    on chance how likely the model finds just those that are frequent in the text. Logits of a sound small model have a
    standard deviation of up to 1, which is half a nat.
    """
    rows = slice(0, 8)
    logits = tf.cast(model(_inputs(x[rows], None if source is None else source[rows]), training=False), "float32")
    losses = np.asarray(tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1))
    loss = float((losses * w[rows]).sum() / max(w[rows].sum(), 1.0))
    expected = math.log(model.config.vocabulary_size)
    if not abs(loss - expected) <= max(1.0, 0.2 * expected):
        raise LmbookError(
            f"Check 'initial_loss': the untrained model's loss is {loss:.3f} nats per token; a uniform guess among "
            f"{model.config.vocabulary_size} tokens has ln V = {expected:.3f}.",
            "Initialise the last layer with small weights, and check that its width is V. A model that is trained "
            "already needs no check: leave 'initial_loss' out of `checks`.",
        )


def check_overfit(
    model: keras.Model, x: np.ndarray, y: np.ndarray, w: np.ndarray, source: np.ndarray | None = None
) -> None:
    """Check that a few steps of Adam on a few tokens lower their loss by a quarter. All variables are restored."""
    full = np.argsort(-w[:, :_POSITIONS].sum(axis=1), kind="stable")[:_ROWS]  # the rows with the most real tokens
    inputs = _inputs(x[full, :_POSITIONS], None if source is None else source[full])
    y, w = (tf.constant(part[full, :_POSITIONS]) for part in (y, w))
    weights = model.trainable_variables
    if not weights:
        raise LmbookError("Check 'overfit': the model has no trainable weight.", "Set trainable = True on its layers.")

    def loss_of(training):
        losses = token_losses(y, tf.cast(model(inputs, training=training), "float32"))
        return tf.reduce_sum(losses * w) / tf.reduce_sum(w)

    @tf.function
    def update(step, means, squares):
        with tf.GradientTape() as tape:
            loss = loss_of(training=False)
        gradients = tape.gradient(loss, weights)
        for gradient, variable, mean, square in zip(gradients, weights, means, squares, strict=True):
            gradient = tf.cast(dense_gradient(gradient, variable), "float32")
            mean.assign(0.9 * mean + 0.1 * gradient)
            square.assign(0.99 * square + 0.01 * gradient**2)
            rate = 1e-2 * tf.sqrt(1 - 0.99**step) / (1 - 0.9**step)
            variable.assign_sub(tf.cast(rate * mean / (tf.sqrt(square) + 1e-8), variable.dtype))
        return loss

    means, squares = ([tf.Variable(tf.zeros(v.shape)) for v in weights] for _ in range(2))
    with _restored(model):
        losses = [float(update(tf.constant(float(step)), means, squares)) for step in range(1, _STEPS + 1)]
    lowest = min(losses)
    if not lowest <= 0.75 * losses[0]:
        raise LmbookError(
            f"Check 'overfit': {_STEPS} steps on {_ROWS} x {y.shape[1]} tokens lowered their loss only from "
            f"{losses[0]:.3f} to {lowest:.3f} nats; a sound model learns them almost by heart.",
            "Look for frozen layers, gradients that are cut off (stop_gradient, argmax, rounding), and a softmax "
            "before the loss: the model must give logits.",
        )


def _inputs(ids: np.ndarray, source: np.ndarray | None):
    """The argument that the model is called with."""
    return tf.constant(ids) if source is None else (tf.constant(source), tf.constant(ids))


@contextmanager
def _restored(model: keras.Model):
    """Restore every variable at the end, the states of random seeds included."""
    before = [variable.numpy() for variable in model.variables]
    try:
        yield
    finally:
        for variable, value in zip(model.variables, before, strict=True):
            variable.assign(value)
