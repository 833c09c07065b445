from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.training.step import TrainingStep, dense_gradient, seed_states, token_losses


@keras.saving.register_keras_serializable("lmbook_test")
class Bigram(keras.Model):
    """Logits are rows of a table: its gradient can be written down in NumPy."""

    def __init__(self, vocabulary):
        super().__init__()
        self.table = keras.layers.Embedding(vocabulary, vocabulary)
        self.table.build((None, None))
        self.built = True

    def call(self, ids, training=False):
        return self.table(ids)


def numpy_gradient(table, x, y, w):
    """The loss and its gradient, each token's row added up."""
    gradient, loss = np.zeros_like(table), 0.0
    for token, label, weight in zip(x.ravel(), y.ravel(), w.ravel(), strict=True):
        probabilities = np.exp(table[token] - table[token].max())
        probabilities /= probabilities.sum()
        loss -= weight * np.log(probabilities[label])
        probabilities[label] -= 1
        gradient[token] += weight * probabilities
    return loss / w.sum(), gradient / w.sum()


def batch(weights=None):
    x = np.array([[1, 1, 1, 2], [1, 3, 1, 1]], "int32")  # token 1 six times
    y = np.array([[1, 1, 2, 3], [3, 1, 1, 0]], "int32")
    return x, y, np.ones(x.shape, "float32") if weights is None else np.array(weights, "float32")


def training_step(optimizer=None, **arguments):
    keras.utils.set_random_seed(2)
    model, optimizer = Bigram(5), optimizer or keras.optimizers.SGD(1.0)
    optimizer.build(model.trainable_variables)
    return TrainingStep(model, optimizer, **arguments)


def run(training, *batches):
    for parts in batches:
        training.run(iter(tf.data.Dataset.from_tensors(parts)), 1)


def table_of(training):
    return np.asarray(training.model.table.embeddings)


@pytest.mark.xla
@pytest.mark.parametrize("compiled", [False, True])
def test_adam_on_repeated_tokens_equals_numpy(compiled):
    training = training_step(keras.optimizers.Adam(0.01, epsilon=1e-7), jit_compile=compiled)
    x, y, w = batch()
    table = table_of(training).astype("float64")
    mean, square = np.zeros_like(table), np.zeros_like(table)
    for step in range(1, 6):
        _, gradient = numpy_gradient(table, x, y, w)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        table -= rate * mean / (np.sqrt(square) + 1e-7)
    training.run(iter(tf.data.Dataset.from_tensors((x, y, w)).repeat(5)), 5)
    np.testing.assert_allclose(table_of(training), table, atol=1e-6)


def test_the_loss_is_divided_by_the_real_tokens():
    training = training_step()
    x, y, w = batch([[1, 1, 1, 0], [1, 0, 0, 0]])
    before = table_of(training).astype("float64")
    loss, gradient = numpy_gradient(before, x, y, w)
    run(training, (x, y, w))
    assert training.loss == pytest.approx(loss, abs=1e-6) and training.tokens == 4
    np.testing.assert_allclose(table_of(training), before - gradient, atol=1e-6)


def test_padding_changes_nothing():
    x, y, w = batch()
    padded = [np.pad(part, ((0, 1), (0, 3))) for part in (x, y, w)]
    tables = []
    for parts in ((x, y, w), tuple(padded)):
        training = training_step(keras.optimizers.AdamW(0.1))
        run(training, parts)
        tables.append(table_of(training))
    np.testing.assert_allclose(*tables, atol=1e-6)


def test_a_batch_without_any_real_token_is_harmless():
    training = training_step()
    before = table_of(training)
    run(training, batch(np.zeros((2, 4))))
    assert training.loss == 0.0
    np.testing.assert_array_equal(table_of(training), before)


def test_the_mean_loss_weighs_tokens_not_batches():
    training = training_step(keras.optimizers.SGD(0.0))
    x, y, few = batch([[1, 0, 0, 0], [0, 0, 0, 0]])
    all_of_them = np.ones_like(few)
    table = table_of(training).astype("float64")
    losses = [numpy_gradient(table, x, y, w)[0] for w in (few, all_of_them)]
    run(training, (x, y, few), (x, y, all_of_them))
    assert training.loss == pytest.approx((losses[0] + 8 * losses[1]) / 9, abs=1e-6)
    training.reset()
    assert training.tokens == 0


@pytest.mark.parametrize("optimizer", [None, "scaled"])
def test_the_gradient_is_clipped_as_a_whole(optimizer):
    training = training_step(
        optimizer and keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0)), clip_norm=0.01
    )
    before = table_of(training)
    run(training, batch())
    assert np.linalg.norm(table_of(training) - before) == pytest.approx(0.01, rel=1e-4)


@pytest.mark.xla
@pytest.mark.parametrize("compiled", [False, True])
def test_accumulating_gradients_changes_nothing(compiled):
    x, y, w = (np.concatenate([part, part[::-1, ::-1]]) for part in batch([[1, 1, 1, 0], [1, 0, 0, 0]]))
    tables = []
    for count in (1, 2, 4):
        training = training_step(
            keras.optimizers.AdamW(0.1), clip_norm=0.5, gradient_accumulation_steps=count, jit_compile=compiled
        )
        run(training, (x, y, w))
        tables.append(table_of(training))
        assert training.tokens == 8
    np.testing.assert_allclose(tables[1], tables[0], atol=1e-6)
    np.testing.assert_allclose(tables[2], tables[0], atol=1e-6)


def test_a_step_that_overflows_is_left_out_and_the_loss_scale_halved():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), initial_scale=1e38)
    training = training_step(optimizer, clip_norm=1.0)
    before = table_of(training)
    x, y, w = batch()
    run(training, (x, y, 1e3 * w))
    np.testing.assert_array_equal(table_of(training), before)
    assert float(optimizer.dynamic_scale.numpy()) == pytest.approx(5e37)
    assert int(optimizer.iterations.numpy()) == 0


def test_no_phantom_step_at_the_end_of_an_epoch(make_model, data):
    model, optimizer = make_model(), keras.optimizers.AdamW(1e-3)
    optimizer.build(model.trainable_variables)
    training = TrainingStep(model, optimizer)
    for step in (0, 5):
        training.run(iter(data.dataset(step, 5)), 5)
    assert int(optimizer.iterations) == 10


def test_label_smoothing_is_the_cross_entropy_with_smoothed_labels():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(2, 3, 5)).astype("float32"), rng.integers(0, 5, (2, 3))
    smoothed = 0.9 * np.eye(5)[labels] + 0.1 / 5
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(token_losses(labels, logits, 0.1), -(smoothed * logs).sum(axis=-1), rtol=1e-5)
    np.testing.assert_array_equal(token_losses(labels, logits, 0.0), token_losses(labels, logits))
    plain, smooth = training_step(), training_step(label_smoothing=0.1)
    run(plain, batch())
    run(smooth, batch())
    assert smooth.loss > plain.loss and not np.allclose(table_of(plain), table_of(smooth))


def test_the_gradient_of_a_matrix_of_one_column_gets_its_shape_in_a_graph():
    """Muon asks for the shape, which a graph does not always know."""
    matrix = keras.Variable(np.ones((6, 1), "float32"))

    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def shape_of(gradient):
        assert dense_gradient(gradient, matrix).shape == (6, 1)
        return dense_gradient(gradient, matrix)

    np.testing.assert_array_equal(shape_of(tf.eye(6, 1)), np.eye(6, 1))


def test_keras_still_sums_gradients_where_the_step_turns_it_off():
    """`TrainingStep` replaces this private method of Keras' optimizers: if it is gone or no longer called, several
    devices would add their gradients up twice."""
    optimizer, calls = keras.optimizers.SGD(1.0), []
    optimizer._all_reduce_sum_gradients = lambda pairs: calls.append(len(pairs)) or pairs
    weight = keras.Variable([1.0])
    optimizer.apply([tf.constant([0.25])], [weight])
    assert calls == [1] and weight.numpy() == [0.75]


def test_the_state_of_every_dropout_is_found(make_model):
    """By the name that Keras gives to the variable. (A recurrent layer has one more, of its own.)"""
    model = make_model(dropout=0.3)
    layers = model.drops
    assert layers
    states = {id(layer.seed_generator.state) for layer in layers}
    assert states <= {id(state) for state in seed_states(model)}
