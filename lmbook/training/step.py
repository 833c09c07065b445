"""The training step of the book's language models: the same on one device, several devices and several machines."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import tensorflow as tf

from lmbook.training.distributed.strategy import local_value, sum_over_replicas


class TrainingStep:
    """Makes updates of `model` and keeps their mean loss.

    `Model.fit` of Keras 3 is right in the simple case only; these things are done differently here:

    * The gradient of an embedding is made dense before the optimizer sees it. Keras hands Adam one row per token
      and Adam squares the rows of a repeated token one by one instead of their sum.
    * The loss is the sum over the batch divided by the number of its real tokens on all devices together, so that
      neither padding nor an uneven batch changes what a token weighs. A mean of the devices' means would.
    * The devices' gradients are added first and clipped by their global norm then, not the other way round.
    * Each device draws its own dropout masks; Keras gives all the same.

    Args:
        model: `model(x, training=...)` -> logits [B, T, V], x being ids [B, T], or (source [B, S], target [B, T]) for a
            model that reads one text and writes another; built in the scope of `strategy`.
        optimizer: built for the model's weights; a `LossScaleOptimizer` for float16.
        strategy: where it runs; None: that in whose scope the model was made.
        clip_norm: the largest global norm of the gradient; None leaves it as it is.
        gradient_accumulation_steps: parts in which a device works through its share of a batch, one after the other:
            the same update with the memory of one part.
        label_smoothing: share of each label that is spread evenly over the vocabulary (`token_losses`).
        jit_compile: let XLA compile the step (one device: all of it; several: a device's forward and backward pass).

    Example:
        step = TrainingStep(model, optimizer, clip_norm=1.0)
        step.run(batches, 10)
        step.loss  # nats per token
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        strategy: tf.distribute.Strategy | None = None,
        clip_norm: float | None = None,
        gradient_accumulation_steps: int = 1,
        label_smoothing: float = 0.0,
        jit_compile: bool = False,
    ):
        self.model, self.optimizer, self.clip_norm = model, optimizer, clip_norm
        self.gradient_accumulation_steps, self.label_smoothing = gradient_accumulation_steps, label_smoothing
        self.strategy = strategy or model.distribute_strategy
        alone = self.strategy.num_replicas_in_sync == 1
        self._scales_loss = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if not alone:
            # Keras would add the gradients up a second time, and send them round a second time. No public switch turns
            # that off: `test_step.py` checks that this private method is still the one that Keras calls.
            updating = optimizer.inner_optimizer if self._scales_loss else optimizer
            updating._all_reduce_sum_gradients = lambda gradients_and_weights: gradients_and_weights
            self.strategy.run(tf.function(self._give_replica_its_own_seeds))
        self._gradients_of, self._update_of = self._gradients, self._update
        if jit_compile and alone:
            self._update_of = tf.function(self._update, jit_compile=True)
        elif jit_compile:  # XLA cannot reach from one device to another
            self._gradients_of = tf.function(self._gradients, jit_compile=True)
        self._totals = tf.Variable([0.0, 0.0], dtype="float64", trainable=False)  # loss in nats, tokens
        self._run = tf.function(self._many if alone else self._one)

    def run(self, batches: Iterator, steps: int) -> None:
        """Make `steps` updates from the next batches (x, y [B, T], w [B, T]); w is 1 for a real token."""
        if self.strategy.num_replicas_in_sync == 1:
            self._run(batches, tf.constant(steps))
            return
        for _ in range(steps):  # a loop in the graph fails around the replicas' reductions
            self._run(batches)

    @property
    def loss(self) -> float:
        """The mean loss over all tokens since the last `reset`, in nats per token."""
        loss, tokens = self._totals.numpy()
        return float(loss / max(tokens, 1.0))

    @property
    def tokens(self) -> int:
        """How many tokens were read since the last `reset`."""
        return round(float(self._totals.numpy()[1]))

    @property
    def totals(self) -> list[tf.Variable]:
        """The variables behind `loss` and `tokens`, for checkpoints."""
        return [self._totals]

    def reset(self) -> None:
        """Begin a new mean loss."""
        self._totals.assign([0.0, 0.0])

    def reseed_replicas(self) -> None:
        """Give each replica its own random numbers again, after the model's variables were assigned."""
        if self.strategy.num_replicas_in_sync > 1:
            self.strategy.run(tf.function(self._give_replica_its_own_seeds))

    def _many(self, batches, steps):
        for _ in tf.range(steps):
            self._one(batches)

    def _one(self, batches):
        sums = self.strategy.run(self._update_of, args=(next(batches),))
        self._totals.assign_add(tf.cast(local_value(self.strategy, sums), "float64"))

    def _update(self, batch):
        """One replica's part of an update; gives [loss in nats, tokens] of the whole batch."""
        x, y, w = batch
        w = tf.cast(w, "float32")
        tokens = sum_over_replicas(tf.reduce_sum(w))
        gradients, loss = sum_over_replicas(self._gradients_of(x, y, w, tf.maximum(tokens, 1.0)))
        scale = self.optimizer.dynamic_scale if self._scales_loss else 1.0
        if self.clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip_norm * scale)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return tf.stack([loss, tokens])

    def _gradients(self, x, y, w, tokens):
        """This replica's share of the gradients and of the loss, accumulated over the parts.

        The parts are a loop in the graph: TensorFlow would run unrolled parts at the same time and need memory for all.
        """
        if self.gradient_accumulation_steps == 1:
            return self._part_gradients(x, y, w, tokens)
        parts = tf.nest.map_structure(lambda value: in_parts(value, self.gradient_accumulation_steps), (x, y, w))

        def add_part(index, sums):
            part = tf.nest.map_structure(lambda value: value[index], parts)
            return index + 1, tf.nest.map_structure(tf.add, sums, self._part_gradients(*part, tokens))

        zeros = [tf.zeros(v.shape, v.dtype) for v in self.model.trainable_variables], tf.constant(0.0)
        _, sums = tf.while_loop(
            lambda index, _: index < self.gradient_accumulation_steps,
            add_part,
            (tf.constant(0), zeros),
            parallel_iterations=1,
        )
        return sums

    def _part_gradients(self, x, y, w, tokens):
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = tf.cast(self.model(x, training=True), "float32")
            loss_sum = tf.reduce_sum(self._losses(x, y, logits) * w)
            loss = self.optimizer.scale_loss(loss_sum / tokens)
        gradients = tape.gradient(loss, weights)
        return [dense_gradient(g, v) for g, v in zip(gradients, weights, strict=True)], loss_sum

    def _losses(self, x, y, logits):
        """The loss of each token, [B, T]."""
        return token_losses(y, logits, self.label_smoothing)

    def _give_replica_its_own_seeds(self):
        """Change the state of the random numbers on every replica but the first."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        for state in seed_states(self.model):
            offset = tf.cast(tf.stack([replica * 1_000_003, 0]), state.dtype)
            state.value.assign_add(offset)


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """The variables [2] in which Keras keeps the state of each layer's random numbers (dropout), in their order.

    Keras has no public list of a model's `SeedGenerator`s, so they are found by the name of their variable;
    `test_step.py` checks it.
    """
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]


def jit_by_default(model: keras.Model) -> bool:
    """Whether XLA compiles the training of `model` by default: its class's `jit_compile_training`, else True."""
    return getattr(model, "jit_compile_training", True)


def token_losses(labels, logits, label_smoothing: float = 0.0):
    """Cross-entropy of each token in nats: labels [B, T], logits [B, T, V] -> [B, T].

    With `label_smoothing` e the label's share is 1 - e, and e / V is added to every token's: a model is not asked to be
    certain. The least possible loss is then above 0 (Szegedy et al. 2016, section 7).
    """
    if not label_smoothing:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    size = logits.shape[-1]
    even = label_smoothing / size
    shares = tf.one_hot(labels, size, 1.0 - label_smoothing + even, even)
    return tf.nn.softmax_cross_entropy_with_logits(labels=shares, logits=logits)


def dense_gradient(gradient, variable):
    """The gradient as a dense tensor of the variable's shape; zeros if the weight took no part in the loss."""
    if gradient is None:
        return tf.zeros(variable.shape, variable.dtype)
    gradient = tf.convert_to_tensor(gradient)
    return tf.reshape(gradient, variable.shape)  # a graph may not know the shape where a matrix has one column


def in_parts(value, count: int):
    """[B, …] -> [count, B / count, …]."""
    rows = value.shape[0]
    parts = tf.reshape(value, tf.concat([[count, tf.shape(value)[0] // count], tf.shape(value)[1:]], axis=0))
    parts.set_shape([count, None if rows is None else rows // count, *value.shape[1:]])
    return parts
