"""Training word vectors with negative sampling."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.topics.word_vectors.word2vec import WordEmbeddings
from lmbook.topics.word_vectors.word_windows import WordWindows, noise_distribution, skip_gram_pairs
from lmbook.training.step import dense_gradient

ARCHITECTURES = ("skip_gram", "cbow")


def examples(windows: WordWindows, architecture: str, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """One epoch of examples: (given words [N, C], -1 for none; the word to predict [N]).

    Raises:
        LmbookError: the architecture is not known.
    """
    if architecture not in ARCHITECTURES:
        raise LmbookError(f"architecture={architecture!r} is not known.", f"Choose one of {', '.join(ARCHITECTURES)}.")
    words, around = windows.epoch(epoch)
    if architecture == "cbow":
        return around, words
    words, neighbours = skip_gram_pairs(words, around)
    return words[:, None], neighbours


def train_word_embeddings(
    model: WordEmbeddings,
    windows: WordWindows,
    architecture: str = "skip_gram",
    *,
    epochs: int = 5,
    batch_size: int = 1024,
    negatives: int = 5,
    learning_rate: float = 5e-3,
    seed: int = 0,
) -> list[float]:
    """Train `model` to distinguish true words from `negatives` noise words, drawn anew for each example.

    The loss of an example is -ln sigmoid(logit of the true word) - the sum of ln sigmoid(-logit) over the negatives;
    a negative that happens to be the true word is left out. Adam, its learning rate falling linearly to 0. What is
    left of an epoch after its last full batch is not used; every epoch shuffles and draws anew.

    Args:
        model: built.
        windows: the text.
        architecture: "skip_gram" or "cbow".
        epochs: passes over the text.
        batch_size: B, examples of one update.
        negatives: K, drawn for each example.
        learning_rate: at the start.
        seed: of the order and the negatives.

    Returns:
        the mean loss of each epoch, in nats per example.

    Raises:
        LmbookError: the architecture is not known, or the text has fewer examples than a batch.

    Reference:
        Mikolov et al. 2013, "Distributed representations of words and phrases", equation 4.
    """
    count = len(examples(windows, architecture, 0)[1])
    if count < batch_size:
        raise LmbookError(f"The text gives {count} examples: fewer than batch_size={batch_size}.", "Choose it smaller.")
    rate = keras.optimizers.schedules.PolynomialDecay(learning_rate, epochs * (count // batch_size), 0.0)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)
    noise = tf.constant(np.cumsum(noise_distribution(windows.counts)), tf.float32)
    epoch_of = _compiled_epoch(model, optimizer, noise, batch_size, negatives)
    losses = []
    for epoch in range(epochs):
        given, target = examples(windows, architecture, epoch)
        order = np.random.default_rng([seed, epoch]).permutation(len(target))
        loss = epoch_of(tf.constant(given[order]), tf.constant(target[order]), tf.constant([seed, epoch]))
        losses.append(float(loss))
    return losses


def _compiled_epoch(model, optimizer, noise, batch_size: int, negatives: int):
    """A function (given [N, C], target [N], seed [2]) -> mean loss that makes N // B updates inside TensorFlow."""
    last = len(noise) - 1

    def losses_of(given, target, drawn):
        candidates = tf.concat([target[:, None], drawn], axis=1)  # [B, 1 + K], the true word first
        labels = tf.concat([tf.ones_like(target[:, None]), tf.zeros_like(drawn)], axis=1)
        counts = tf.concat([tf.ones_like(target[:, None]), tf.cast(drawn != target[:, None], tf.int32)], axis=1)
        logits = model(given, candidates)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(labels, tf.float32), logits)
        return tf.reduce_sum(losses * tf.cast(counts, tf.float32), axis=1)  # [B]

    @tf.function(reduce_retracing=True)
    def epoch_of(given, target, seed):
        steps = tf.shape(target)[0] // batch_size
        total = tf.constant(0.0)
        for step in tf.range(steps):
            rows = tf.range(step * batch_size, (step + 1) * batch_size)
            place = tf.random.stateless_uniform((batch_size, negatives), seed + [0, 1000 * (step + 1)])
            drawn = tf.minimum(tf.searchsorted(noise, tf.reshape(place, [-1]), side="right"), last)
            drawn = tf.reshape(drawn, (batch_size, negatives))
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(losses_of(tf.gather(given, rows), tf.gather(target, rows), drawn))
            weights = model.trainable_variables
            gradients = tape.gradient(loss, weights)
            optimizer.apply([dense_gradient(g, v) for g, v in zip(gradients, weights, strict=True)], weights)
            total += loss
        return total / tf.cast(steps, tf.float32)

    return epoch_of
