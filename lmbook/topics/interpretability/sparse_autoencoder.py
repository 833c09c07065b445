"""A sparse autoencoder: vectors as sums of a few out of many directions, each of which may have a meaning."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from lmbook.errors import LmbookError
from lmbook.models.base import BaseModel
from lmbook.training.optimizers import WarmupCosine


@keras.saving.register_keras_serializable("lmbook")
class SparseAutoencoder(BaseModel):
    """Reconstructs vectors [N, D] from at most `active` of `features` directions.

    The features of a vector are its products with the encoder's directions; all but the largest `active` are set to 0,
    and the decoder adds up its own directions (of length 1), each as often as its feature says.

    Args:
        input_dim: D.
        features: how many directions there are, usually more than D.
        active: how many a vector may use.

    Raises:
        LmbookError: `active` is not between 1 and `features`.

    Reference:
        Makhzani and Frey 2014, "k-sparse autoencoders"; Gao et al. 2024, "Scaling and evaluating sparse autoencoders";
        for what it is used here, Bricken et al. 2023, "Towards monosemanticity".
    """

    def __init__(self, input_dim: int, features: int, active: int, **kwargs):
        super().__init__(**kwargs)
        if not 1 <= active <= features:
            raise LmbookError(f"active={active} of {features} features.", f"Choose 1 to {features}.")
        self.input_dim, self.features, self.active = input_dim, features, active
        start = keras.initializers.RandomNormal(stddev=input_dim**-0.5)
        self.decoder = self.add_weight(shape=(features, input_dim), initializer=start, name="decoder")
        self.encoder = self.add_weight(shape=(input_dim, features), initializer="zeros", name="encoder")
        self.encoder_bias = self.add_weight(shape=(features,), initializer="zeros", name="encoder_bias")
        self.middle = self.add_weight(shape=(input_dim,), initializer="zeros", name="middle")
        self.normalise()
        self.encoder.assign(ops.transpose(self.decoder))  # a good start: each reads what it writes
        self.built = True

    def call(self, x):
        return self.decode(self.encode(x))

    def compute_output_shape(self, input_shape):
        return input_shape

    def encode(self, x):
        """[N, D] -> [N, features], at most `active` of each row above 0, the others 0."""
        found = ops.relu(ops.matmul(x - self.middle, self.encoder) + self.encoder_bias)
        least = ops.top_k(found, self.active)[0][:, -1:]
        return ops.where(found >= least, found, 0.0)

    def decode(self, found):
        """[N, features] -> [N, D]."""
        return ops.matmul(found, self.decoder) + self.middle

    def normalise(self):
        """Scale the decoder's directions to length 1, so that a feature's value says how strong it is."""
        self.decoder.assign(self.decoder / (ops.norm(self.decoder, axis=1, keepdims=True) + 1e-8))

    def get_config(self):
        sizes = {"input_dim": self.input_dim, "features": self.features, "active": self.active}
        return {**super().get_config(), **sizes}


def train_sparse_autoencoder(
    x: np.ndarray,
    *,
    features: int,
    active: int,
    steps: int,
    batch_size: int = 512,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> SparseAutoencoder:
    """Train one on vectors x [N, D], by Adam on the squared error.

    The seed draws the start and the batches, and makes the run the same each time where TensorFlow is deterministic.

    Raises:
        LmbookError: as of `SparseAutoencoder`.
    """
    keras.utils.set_random_seed(seed)
    model = SparseAutoencoder(x.shape[1], features, active)
    x = np.asarray(x, "float32")
    model.middle.assign(x.mean(axis=0))
    scale = float(1.0 / ((x - x.mean(axis=0)) ** 2).mean())
    optimizer = keras.optimizers.Adam(WarmupCosine(learning_rate, steps, min(50, steps), 0.05))
    optimizer.build(model.trainable_variables)

    @tf.function
    def update(batch):
        with tf.GradientTape() as tape:
            loss = scale * tf.reduce_mean(tf.square(model(batch) - batch))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        model.normalise()

    rng = np.random.default_rng(seed)
    for _ in range(steps):
        update(tf.constant(x[rng.integers(len(x), size=batch_size)]))
    return model
