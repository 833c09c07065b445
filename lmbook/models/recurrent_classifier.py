"""An LSTM that reads a text in both directions and names its class."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.layers.dense import make_dense
from lmbook.layers.embedding import make_table
from lmbook.models.base import ConfiguredModel
from lmbook.models.bert import real_tokens
from lmbook.models.checks import check_counts, check_dropout, check_pad_id


@dataclass(frozen=True)
class RecurrentClassifierConfig:
    """The shape of a `RecurrentClassifier`.

    Args:
        vocabulary_size: number of token ids, V.
        num_classes: C.
        embedding_dim: width of a token's vector.
        hidden_dim: width of the memory of each direction.
        dropout: share of activations set to zero in training, before the LSTM and before the logits.
        pad_id: the id of padding, which is neither read nor looked at.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    num_classes: int
    embedding_dim: int = 128
    hidden_dim: int = 128
    dropout: float = 0.3
    pad_id: int = 0

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "num_classes", "embedding_dim", "hidden_dim")
        check_dropout(self)
        check_pad_id(self)


@keras.saving.register_keras_serializable("lmbook")
class RecurrentClassifier(ConfiguredModel):
    """One answer for a text: ids [B, T] -> logits [B, C] float32.

    Of each unit of the two LSTMs the largest output at any real token counts: what speaks for a class may stand
    anywhere in the text.

    Args:
        config: a `RecurrentClassifierConfig` (or a dict of its fields).

    Reference:
        Conneau et al. 2017, "Supervised learning of universal sentence representations", section 3.2.3.
    """

    config_class = RecurrentClassifierConfig
    jit_compile_training = False  # XLA takes longer over Keras' loop on a CPU

    def __init__(self, config: RecurrentClassifierConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c, policy = self.config, self.dtype_policy
        self.embedding = make_table(c.vocabulary_size, c.embedding_dim, "embedding", 0.5, policy)
        self.embedding.build((None, None))
        self.directions = [
            keras.layers.LSTM(c.hidden_dim, return_sequences=True, name=name, dtype=policy)
            for name in ("forwards", "backwards")
        ]
        for lstm in self.directions:
            lstm.build((None, None, c.embedding_dim))
        self.drops = [keras.layers.Dropout(c.dropout, name=f"dropout_{index}", dtype=policy) for index in range(2)]
        self.drops[0].build((None, None, c.embedding_dim))
        self.drops[1].build((None, 2 * c.hidden_dim))
        self.head = make_dense(2 * c.hidden_dim, c.num_classes, "logits", stddev=0.02, dtype=policy)
        self.built = True

    def call(self, ids, training=False):
        real = real_tokens(ids, self.config.pad_id)  # [B, T]
        largest = []
        for lstm, order in zip(self.directions, (ids, turned_round(ids, real)), strict=True):
            x = lstm(self.drops[0](self.embedding(order), training=training), mask=real, training=training)
            x = ops.where(ops.expand_dims(real, -1), x, ops.cast(-1.0, x.dtype))  # what an LSTM puts out is above -1
            largest.append(ops.max(x, axis=1))
        x = self.drops[1](ops.concatenate(largest, axis=-1), training=training)
        return ops.cast(self.head(x), "float32")

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.config.num_classes


def turned_round(ids, real):
    """Each row's real tokens in reverse order, the padding still behind them: two of [B, T] -> [B, T]."""
    places = ops.arange(ops.shape(ids)[1])
    last = ops.sum(ops.cast(real, "int32"), axis=1, keepdims=True) - 1
    return ops.take_along_axis(ids, ops.where(real, last - places, places), axis=1)
