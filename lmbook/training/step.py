"""The one training step of every language model of the book."""

from __future__ import annotations

import keras
import tensorflow as tf


class TrainingModel(keras.Model):
    """A language model together with how it is trained; `fit` of Keras runs its `train_step`.

    Three things differ from the step of `keras.Model`:

    * The gradient of an embedding is made dense before the optimizer sees it. Keras hands Adam one row per token
      and Adam squares the rows of a repeated token one by one instead of their sum.
    * The loss is the sum over the batch divided by the number of its real tokens (all replicas together), so that
      neither padding nor an uneven batch changes what a token weighs.
    * Gradients are clipped by their global norm after the replicas' gradients have been added.

    Args:
        model: `model(ids [B, T], training=...)` -> logits [B, T, V]; it must be built.
        clip: the largest global norm of the gradient; None leaves it as it is.

    The metric "loss" is the mean over all tokens since its last reset, in nats per token.
    """

    def __init__(self, model: keras.Model, clip: float | None = None, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.clip = clip
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.built = True

    def call(self, ids, training=False):
        return self.model(ids, training=training)

    @property
    def metrics(self):
        return [self.loss_tracker]

    def train_step(self, data):
        """One update from data = (x [B, T], y [B, T], w [B, T]); w is 1 for a real token, 0 for padding."""
        x, y, w = data
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        w = tf.cast(w, "float32")
        all_tokens = _sum_over_replicas(context, tf.reduce_sum(w))
        with tf.GradientTape() as tape:
            logits = tf.cast(self.model(x, training=True), "float32")
            loss_sum = tf.reduce_sum(token_losses(y, logits) * w)
            loss = loss_sum / tf.maximum(all_tokens, 1.0)
        weights = self.model.trainable_variables
        gradients = [dense_gradient(g, v) for g, v in zip(tape.gradient(loss, weights), weights, strict=True)]
        if self.clip is not None:
            gradients = _sum_over_replicas(context, gradients)
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip)
            gradients = [g / replicas for g in gradients]  # the optimizer adds the replicas' gradients again
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        mean = tf.math.divide_no_nan(_sum_over_replicas(context, loss_sum), all_tokens)
        self.loss_tracker.update_state(mean, sample_weight=all_tokens / replicas)  # read as a sum over the replicas
        return {"loss": self.loss_tracker.result()}


def token_losses(labels, logits):
    """Cross-entropy of each token in nats: labels [B, T], logits [B, T, V] -> [B, T]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def dense_gradient(gradient, variable):
    """The gradient as a tensor of the variable's shape, repeated rows added; zeros for a weight that took no part."""
    if gradient is None:
        return tf.zeros(variable.shape, variable.dtype)
    return tf.convert_to_tensor(gradient)


def _sum_over_replicas(context, value):
    if context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
