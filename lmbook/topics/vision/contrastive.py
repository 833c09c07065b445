"""Contrastive training: pictures and their texts get similar vectors in one space."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from lmbook.layers.dense import make_dense
from lmbook.layers.feed_forward import FeedForward
from lmbook.models.bert import mean_vectors
from lmbook.models.transformer import Transformer, TransformerEncoder
from lmbook.topics.vision.picture_encoder import PictureEncoder, PictureTextConfig

FIRST_TEMPERATURE, LARGEST_SCALE = 0.07, 100.0  # of the paper


@keras.saving.register_keras_serializable("lmbook")
class ContrastiveModel(Transformer):
    """CLIP: an encoder of pictures and one of texts, each giving a vector of length 1, trained to agree.

    In a batch of B pictures with their captions, the model is asked for each picture which of the B captions is its own
    and for each caption which of the B pictures. So it needs no labels but the pairs; the other pairs of the batch are
    the wrong answers. Two pairs with the same caption are counted as wrong answers to each other.

    Args:
        config: a `PictureTextConfig` (or a dict of its fields).

    Call:
        (pictures [B, Y, X, 3], 0 to 255, ids [B, T], padded with `pad_id`) -> logits [2, B, B] float32. Row i of the
        first: how well each caption fits picture i; of the second: how well each picture fits caption i. They are
        cosines over a temperature, which is learned. With the labels 0 … B - 1 in both (`PicturePairs`), the mean
        cross-entropy is the loss of the paper.

    Example:
        model = ContrastiveModel(PictureTextConfig(vocabulary_size=60))
        cosines = model.cosines(pictures, ids)

    Raises:
        LmbookError: pictures or texts have another size than the configuration says.

    Reference:
        Radford et al. 2021, "Learning transferable visual models from natural language supervision", figure 3.
    """

    config_class = PictureTextConfig
    jit_compile_training = False  # on a CPU, XLA's convolutions are slower than TensorFlow's

    def __init__(self, config: PictureTextConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c, policy = self.config, self.dtype_policy
        self.picture_encoder = PictureEncoder(c.picture_size, c.hidden_dim, name="picture_encoder", dtype=policy)
        self.picture_head = FeedForward(c.intermediate_dim, "relu", name="picture_head", dtype=policy)
        self.text_encoder = TransformerEncoder(c, name="text_encoder", dtype=policy)
        self.text_head = make_dense(c.hidden_dim, c.hidden_dim, "text_head", dtype=policy)
        start = keras.initializers.Constant(-math.log(FIRST_TEMPERATURE))
        self.log_scale = self.add_weight(shape=(), initializer=start, autocast=False, name="log_scale")
        self.picture_encoder.build((None, c.picture_size, c.picture_size, 3))
        self.text_encoder.build((None, None))
        self._build_parts(self.picture_head)
        self.built = True

    def picture_vectors(self, pictures, training=False):
        """pictures [B, Y, X, 3] -> float32 [B, D] of length 1."""
        x = self.picture_encoder(pictures, training=training)
        return _unit(ops.mean(self.picture_head(x), axis=1))

    def text_vectors(self, ids, training=False):
        """ids [B, T] -> float32 [B, D] of length 1."""
        x = self.text_encoder(ids, training=training)
        return _unit(self.text_head(mean_vectors(x, ops.not_equal(ids, self.config.pad_id))))

    def cosines(self, pictures, ids, batch_size: int = 250):
        """How well each of N pictures fits each of M texts: pictures [N, Y, X, 3], ids [M, T] -> array [N, M]."""
        both = []
        for function, inputs in ((self.picture_vectors, pictures), (self.text_vectors, ids)):
            parts = [inputs[first : first + batch_size] for first in range(0, len(inputs), batch_size)]
            both.append(np.concatenate([ops.convert_to_numpy(function(part)) for part in parts]))
        return both[0] @ both[1].T

    def call(self, inputs, training=False):
        pictures, ids = inputs
        pictures, texts = self.picture_vectors(pictures, training), self.text_vectors(ids, training)
        scale = ops.minimum(ops.exp(self.log_scale), LARGEST_SCALE)
        fits = ops.matmul(pictures, ops.transpose(texts)) * scale  # [B, B]
        return ops.stack([fits, ops.transpose(fits)])

    def compute_output_shape(self, input_shape):
        batch = input_shape[0][0]
        return 2, batch, batch


def _unit(x):
    return ops.normalize(ops.cast(x, "float32"), axis=-1)
