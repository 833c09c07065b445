"""From ids to the vectors that the first block reads."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.layers.block import make_norm


@keras.saving.register_keras_serializable("lmbook")
class TokenEmbedding(keras.layers.Layer):
    """Ids [B, T] -> vectors [B, T, D]: a vector for each token, and where asked for, its place and its segment.

    The Transformer of the paper has another one (`lmbook.models.transformer.Embedding`), scaled by sqrt(D).

    Args:
        vocabulary_size: V.
        hidden_dim: D.
        num_positions: places that have a vector of their own; None: none have.
        num_segments: kinds of text that have a vector of their own (BERT: the first text and the second); None: none.
        normalization: "layer" or "rms" of the sum; None: as it is.
        epsilon: of the normalisation.
        dropout: share of the sum set to zero in training.
        stddev: how far the tables spread at the start.
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int,
        *,
        num_positions: int | None = None,
        num_segments: int | None = None,
        normalization: str | None = None,
        epsilon: float = 1e-5,
        dropout: float = 0.0,
        stddev: float = 0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._settings = {
            "vocabulary_size": vocabulary_size,
            "hidden_dim": hidden_dim,
            "num_positions": num_positions,
            "num_segments": num_segments,
            "normalization": normalization,
            "epsilon": epsilon,
            "dropout": dropout,
            "stddev": stddev,
        }

        def table(rows, name):
            start = keras.initializers.RandomNormal(stddev=stddev)
            return keras.layers.Embedding(rows, hidden_dim, start, name=name, dtype=self.dtype_policy)

        self.tokens = table(vocabulary_size, "token_embedding")
        self.places = table(num_positions, "position_embedding") if num_positions else None
        self.segments = table(num_segments, "segment_embedding") if num_segments else None
        self.norm = make_norm(normalization, epsilon, "norm", self.dtype_policy) if normalization else None
        self.drop = keras.layers.Dropout(dropout, name="dropout")

    def build(self, input_shape):
        for table in (self.tokens, self.places, self.segments):
            if table is not None:
                table.build((None, None))
        if self.norm is not None:
            self.norm.build((None, None, self._settings["hidden_dim"]))
        self.built = True

    def call(self, ids, segments=None, position=0, training=False):
        """`segments` [B, T], None: all 0; `position`: the place of the first of `ids`."""
        x = self.tokens(ids)
        if self.places is not None:
            x = x + self.places(ops.arange(ops.shape(ids)[1]) + position)
        if self.segments is not None:
            x = x + self.segments(ops.zeros_like(ids) if segments is None else segments)
        x = x if self.norm is None else self.norm(x)
        return self.drop(x, training=training)

    def logits(self, x):
        """Vectors [..., D] -> how well each token's vector fits [..., V], float32."""
        table = ops.cast(self.tokens.embeddings, x.dtype)
        return ops.cast(ops.matmul(x, ops.transpose(table)), "float32")

    def get_config(self):
        return {**super().get_config(), **self._settings}
