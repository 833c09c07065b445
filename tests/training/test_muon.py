import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (20, 20)])
def test_orthogonal_moves_singular_values_near_one_and_keeps_the_directions(shape):
    matrix = np.random.default_rng(1).normal(size=shape).astype("float32")
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    result = orthogonal(tf.constant(matrix)).numpy()
    singular = np.diag(u.T @ result @ v.T)
    assert singular.min() > 0.3 and singular.max() < 1.3
    np.testing.assert_allclose(u * singular @ v, result, atol=2e-3)


def test_equal_to_the_muon_of_keras():
    try:
        theirs = keras.optimizers.Muon(
            0.03, adam_lr_ratio=1 / 3, weight_decay=0.0, adam_weight_decay=0.0, exclude_layers=["embedding", "logits"]
        )
    except ValueError:
        pytest.skip("the Muon of this Keras version fails on TensorFlow")
    weights = []
    for optimizer in (theirs, Muon(0.01, 3.0, weight_decay=0.0)):
        keras.utils.set_random_seed(2)
        model = RecurrentLanguageModel(RecurrentConfig(vocabulary_size=11, embedding_dim=8, hidden_dim=16))
        generator = np.random.default_rng(0)
        for _ in range(5):
            gradients = [tf.constant(generator.normal(size=v.shape), tf.float32) for v in model.trainable_variables]
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        weights.append(model.get_weights())
    for expected, found in zip(*weights, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 1), (1, 6)])
def test_a_matrix_of_rank_one_in_a_graph_that_does_not_know_the_gradients_shape(shape):
    matrix = keras.Variable(np.ones(shape, "float32"))
    optimizer = Muon(0.5, weight_decay=0.0)
    optimizer.build([matrix])

    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def update(gradient):
        optimizer.apply([gradient])

    update(tf.constant(np.eye(*shape, dtype="float32")))
    moved = 1 - matrix.numpy()  # in the direction of the gradient alone
    assert moved.flat[0] > 0.1 and not moved.flat[1:].any()


def test_config_round_trip():
    optimizer = Muon(0.01, 3.0, adam_layers=("table",), momentum=0.9)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
