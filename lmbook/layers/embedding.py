"""From token ids to the vectors that the first block reads."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.layers.block import make_norm
from lmbook.layers.positions import sinusoidal


@keras.saving.register_keras_serializable("lmbook")
class TokenEmbedding(keras.layers.Layer):
    """Ids [B, T] -> vectors [B, T, D]: the sum of a token's vector and, where asked for, its position's and segment's.

    This is the embedding of GPT and BERT; the paper's Transformer has a `ScaledEmbedding`.

    Args:
        vocabulary_size: V.
        hidden_dim: D.
        num_positions: positions that have a learned vector; None: none.
        num_segments: kinds of text that have a learned vector (BERT: the first text and the second); None: none.
        normalization: "layer" or "rms", of the sum; None: none.
        epsilon: of the normalisation.
        dropout: share of the sum set to zero in training.
        stddev: standard deviation of the tables' initial values.
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
            return make_table(rows, hidden_dim, name, stddev, self.dtype_policy)

        self.tokens = table(vocabulary_size, "token_embedding")
        self.places = table(num_positions, "position_embedding") if num_positions else None
        self.segments = table(num_segments, "segment_embedding") if num_segments else None
        self.norm = make_norm(normalization, epsilon, "norm", self.dtype_policy) if normalization else None
        self.drop = keras.layers.Dropout(dropout, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        for table in (self.tokens, self.places, self.segments):
            if table is not None:
                table.build((None, None))
        if self.norm is not None:
            self.norm.build((None, None, self._settings["hidden_dim"]))
        self.built = True

    def call(self, ids, segments=None, position=0, training=False):
        """`segments` [B, T], None: all 0; `position`: that of the first of `ids` in the text."""
        x = self.tokens(ids)
        if self.places is not None:
            x = x + self.places(ops.arange(ops.shape(ids)[1]) + position)
        if self.segments is not None:
            x = x + self.segments(ops.zeros_like(ids) if segments is None else segments)
        x = x if self.norm is None else self.norm(x)
        return self.drop(x, training=training)

    def logits(self, x):
        """See `tied_logits`."""
        return tied_logits(x, self.tokens.embeddings)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self._settings["hidden_dim"])

    def get_config(self):
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable("lmbook")
class ScaledEmbedding(keras.layers.Layer):
    """Ids [B, T] -> vectors [B, T, D] with their positions, the tokens' vectors scaled by sqrt(D).

    Args:
        vocabulary_size: V.
        hidden_dim: D.
        positions: "sinusoidal" or "learned" vectors are added; any other word: none.
        max_sequence_length: positions that have a learned vector.
        dropout: share of the sum set to zero in training.

    Reference:
        Vaswani et al. 2017, section 3.4.
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int,
        *,
        positions: str = "sinusoidal",
        max_sequence_length: int | None = None,
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._settings = {
            "vocabulary_size": vocabulary_size,
            "hidden_dim": hidden_dim,
            "positions": positions,
            "max_sequence_length": max_sequence_length,
            "dropout": dropout,
        }
        self.hidden_dim, self.positions = hidden_dim, positions
        # The names of these attributes are in saved files.
        self.table = make_table(vocabulary_size, hidden_dim, "embedding", hidden_dim**-0.5, self.dtype_policy)
        self.places = None
        if positions == "learned":
            self.places = make_table(max_sequence_length, hidden_dim, "position_embedding", 0.02, self.dtype_policy)
        self.drop = keras.layers.Dropout(dropout, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.table.build((None, None))
        if self.places is not None:
            self.places.build((None,))
        self.built = True

    def call(self, ids, position=0, training=False):
        """`position`: that of the first of `ids` in the text."""
        x = self.table(ids) * self.hidden_dim**0.5
        places = ops.arange(ops.shape(ids)[1]) + position
        if self.positions == "learned":
            x = x + self.places(places)
        elif self.positions == "sinusoidal":
            x = x + ops.cast(sinusoidal(places, self.hidden_dim), x.dtype)
        return self.drop(x, training=training)

    def logits(self, x):
        """See `tied_logits`."""
        return tied_logits(x, self.table.embeddings)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.hidden_dim)

    def get_config(self):
        return {**super().get_config(), **self._settings}


def make_table(rows: int, width: int, name: str, stddev: float, dtype=None) -> keras.layers.Embedding:
    """A table of `rows` vectors, drawn from a normal distribution around 0 at first."""
    start = keras.initializers.RandomNormal(stddev=stddev)
    return keras.layers.Embedding(rows, width, start, name=name, dtype=dtype)


def tied_logits(x, table):
    """How well each token's vector fits: vectors [..., D], table [V, D] -> logits [..., V], float32.

    Reference:
        Press and Wolf 2017, "Using the output embedding to improve language models".
    """
    return ops.cast(ops.matmul(x, ops.transpose(ops.cast(table, x.dtype))), "float32")
