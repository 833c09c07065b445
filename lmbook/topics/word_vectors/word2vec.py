"""word2vec: word vectors learned by distinguishing neighbouring words from words drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.models.base import ConfiguredModel
from lmbook.models.checks import check_counts


@dataclass(frozen=True)
class WordEmbeddingConfig:
    """The shape of `WordEmbeddings`.

    Args:
        vocabulary_size: number of words, V.
        embedding_dim: width of a word's vector, D.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    embedding_dim: int = 64

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "embedding_dim")


@keras.saving.register_keras_serializable("lmbook")
class WordEmbeddings(ConfiguredModel):
    """Two vectors for each word: `inputs` when it is given, `outputs` when it is to be predicted.

    The given words' vectors are averaged, and the logit of a candidate is the product of that mean with the
    candidate's own output vector. With one given word (the middle one) and its neighbour as the candidate this is
    skip-gram; with all neighbours given and the middle word as the candidate it is CBOW, the continuous bag of words.

    Args:
        config: a `WordEmbeddingConfig` (or a dict of its fields, as `get_config` gives it).

    Call:
        given [B, C] int32, -1 where there is no word, and candidates [B, K] int32 -> logits [B, K] float32.

    Example:
        model = WordEmbeddings(WordEmbeddingConfig(vocabulary_size=1000))
        logits = model([[7]], [[9, 404, 12]])  # is 9 near 7? 404? 12?

    Reference:
        Mikolov et al. 2013, "Efficient estimation of word representations in vector space" (the two models) and
        "Distributed representations of words and phrases", equation 4 (negative sampling).
    """

    config_class = WordEmbeddingConfig

    def __init__(self, config: WordEmbeddingConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c = self.config
        small = keras.initializers.RandomUniform(-0.5 / c.embedding_dim, 0.5 / c.embedding_dim)
        self.inputs_table = keras.layers.Embedding(
            c.vocabulary_size, c.embedding_dim, embeddings_initializer=small, name="inputs", dtype=self.dtype_policy
        )
        self.outputs_table = keras.layers.Embedding(
            c.vocabulary_size, c.embedding_dim, embeddings_initializer="zeros", name="outputs", dtype=self.dtype_policy
        )
        for table in (self.inputs_table, self.outputs_table):
            table.build((None, None))
        self.built = True

    def compute_output_shape(self, given_shape, candidates_shape):
        return candidates_shape

    def call(self, given, candidates):
        given, candidates = ops.convert_to_tensor(given, "int32"), ops.convert_to_tensor(candidates, "int32")
        real = ops.cast(given >= 0, "float32")  # [B, C]
        vectors = ops.cast(self.inputs_table(ops.maximum(given, 0)), "float32") * real[:, :, None]  # [B, C, D]
        mean = ops.sum(vectors, axis=1) / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)  # [B, D]
        return ops.einsum("bd,bkd->bk", mean, ops.cast(self.outputs_table(candidates), "float32"))

    @property
    def vectors(self):
        """The input vectors of all words, [V, D], as a NumPy array."""
        return ops.convert_to_numpy(self.inputs_table.embeddings)
