"""BERT, an encoder that reads in both directions, and the heads for its tasks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.attention import MASKED
from lmbook.layers.block import TransformerBlock, make_norm
from lmbook.layers.dense import make_dense
from lmbook.layers.embedding import TokenEmbedding
from lmbook.layers.feed_forward import get_activation
from lmbook.models.base import BaseModel
from lmbook.models.checks import check_choice, check_counts, check_dropout, check_heads, check_pad_id
from lmbook.models.transformer import Transformer, run_blocks

POOLINGS = ("first", "mean")


@dataclass(frozen=True)
class BERTConfig:
    """The shape of a `BERT`; the defaults are a small one.

    Args:
        vocabulary_size: number of token ids, V.
        hidden_dim: width of a position, D.
        intermediate_dim: width inside the feed-forward layers, F.
        num_heads: attention heads, H.
        num_layers: blocks, L.
        max_sequence_length: the longest text.
        num_segments: kinds of text; 2: a first text and a second.
        activation: of the feed-forward layers and of the masked-language head.
        pooler: add a dense layer over the first token's vector, for classification.
        dropout: share of activations set to zero in training.
        stddev: standard deviation of the initial weights.
        epsilon: of the normalisations.
        pad_id: the id of padding, which is never looked at.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    hidden_dim: int = 128
    intermediate_dim: int = 512
    num_heads: int = 4
    num_layers: int = 4
    max_sequence_length: int = 128
    num_segments: int = 2
    activation: str = "exact_gelu"
    pooler: bool = False
    dropout: float = 0.1
    stddev: float = 0.02
    epsilon: float = 1e-12
    pad_id: int = 0

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "num_layers")
        check_counts(self, "max_sequence_length", "num_segments")
        get_activation(self.activation)
        check_dropout(self)
        check_heads(self)
        check_pad_id(self)


@keras.saving.register_keras_serializable("lmbook", "Bert")
class BERT(Transformer):
    """Each position reads the whole text, before and after it.

    Args:
        config: a `BERTConfig` (or a dict of its fields).

    Call:
        ids [B, T], or (ids, segments [B, T]) -> vectors [B, T, D]. `padding_mask` [B, T]: True at real tokens; None:
        where the id is not `pad_id`. Without segments all are 0.

    Example:
        x = bert((ids, segments))
        first = bert.pooled(x)

    Reference:
        Devlin et al. 2019, "BERT: pre-training of deep bidirectional Transformers for language understanding".
    """

    config_class = BERTConfig

    def __init__(self, config: BERTConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c, policy = self.config, self.dtype_policy
        self.embedding = TokenEmbedding(
            c.vocabulary_size,
            c.hidden_dim,
            num_positions=c.max_sequence_length,
            num_segments=c.num_segments,
            normalization="layer",
            epsilon=c.epsilon,
            dropout=c.dropout,
            stddev=c.stddev,
            name="embedding",
            dtype=policy,
        )
        self.blocks = [
            TransformerBlock(
                c.num_heads,
                c.intermediate_dim,
                activation=c.activation,
                normalize_first=False,
                dropout=c.dropout,
                epsilon=c.epsilon,
                stddev=c.stddev,
                name=f"block_{index}",
                dtype=policy,
            )
            for index in range(c.num_layers)
        ]
        self.embedding.build((None, None))
        self._build_parts(*self.blocks)
        self.pooler = None
        if c.pooler:
            self.pooler = make_dense(c.hidden_dim, c.hidden_dim, "pooler", stddev=c.stddev, dtype=policy)
        self.built = True

    def call(self, inputs, padding_mask=None, training=False, return_weights=False):
        """On request also each block's attention [B, H, T, T]."""
        ids, segments = inputs if isinstance(inputs, tuple | list) else (inputs, None)
        self._check_length(ids.shape[1])
        mask = real_tokens(inputs, self.config.pad_id) if padding_mask is None else padding_mask
        x = self.embedding(ids, segments, training=training)
        return run_blocks(self.blocks, x, None, return_weights, padding_mask=mask, training=training)

    def compute_output_shape(self, input_shape):
        return (*ids_shape(input_shape), self.config.hidden_dim)

    def pooled(self, x):
        """Vectors [B, T, D] -> one for the whole text [B, D], from the first token's."""
        return ops.tanh(self.pooler(x[:, 0]))


def real_tokens(inputs, pad_id: int):
    """ids [B, T], or (ids, segments) -> [B, T], True where the id is not that of padding."""
    return ops.not_equal(inputs[0] if isinstance(inputs, tuple | list) else inputs, pad_id)


def ids_shape(input_shape):
    """The shape of the ids: that of the inputs, or of the first where there are segments too."""
    first = input_shape[0]
    return first if isinstance(first, tuple | list) else input_shape


def mean_vectors(x, padding_mask):
    """The mean of the real tokens' vectors: x [B, T, D], padding_mask [B, T] -> [B, D] float32."""
    weights = ops.cast(ops.expand_dims(padding_mask, -1), "float32")
    return ops.sum(ops.cast(x, "float32") * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)


class BERTTask(BaseModel):
    """A `BERT` with a head on it.

    Args:
        bert: one that is shared with whoever else has it, or a `BERTConfig` (or a dict of its fields) for a new one.
        dtype: policy of a new `BERT` and of the head; beside a shared one the head takes that one's.

    Raises:
        LmbookError: `dtype` is not the policy of the shared `BERT`.
    """

    def __init__(self, bert: BERT | BERTConfig | dict, *, dtype=None, **kwargs):
        shared = bert if isinstance(bert, BERT) else None
        super().__init__(dtype=dtype if shared is None else shared.dtype_policy, **kwargs)
        if shared is not None:
            self.own_dtype = shared.own_dtype
            if dtype is not None and keras.dtype_policies.get(dtype).name != shared.dtype_policy.name:
                raise LmbookError(
                    f"dtype={dtype!r} is not the {shared.dtype_policy.name} of the BERT that is shared.",
                    "Make the BERT with that dtype, and leave it out here.",
                )
        self.bert = BERT(bert, name="bert", dtype=self.dtype_policy) if shared is None else shared
        self.bert.build((None, None))
        self.config = self.bert.config

    def _dense(self, units, name):
        config = self.config
        return make_dense(config.hidden_dim, units, name, stddev=config.stddev, dtype=self.dtype_policy)

    def _dropout(self):
        drop = keras.layers.Dropout(self.config.dropout, name="dropout", dtype=self.dtype_policy)
        drop.build((None, None, self.config.hidden_dim))
        return drop

    def _real_tokens(self, inputs, padding_mask):
        return real_tokens(inputs, self.config.pad_id) if padding_mask is None else padding_mask

    def get_config(self):
        return {**super().get_config(), "bert": dataclasses.asdict(self.config)}


@keras.saving.register_keras_serializable("lmbook", "BertMaskedLM")
class BERTMaskedLM(BERTTask):
    """Says which token stands where one was hidden: inputs as of `BERT` -> logits [B, T, V] float32.

    The logits share the embedding's table. The `BERT` should have no pooler, which nothing here would train.

    Args:
        bert: see `BERTTask`.
    """

    def __init__(self, bert: BERT | BERTConfig | dict, **kwargs):
        super().__init__(bert, **kwargs)
        c = self.config
        self.dense = self._dense(c.hidden_dim, "dense")
        self.norm = make_norm("layer", c.epsilon, "norm", self.dtype_policy)
        self.norm.build((None, None, c.hidden_dim))
        self.bias = self.add_weight(shape=(c.vocabulary_size,), initializer="zeros", autocast=False, name="bias")
        self.built = True

    def call(self, inputs, padding_mask=None, training=False):
        x = self.bert(inputs, padding_mask=padding_mask, training=training)
        x = self.norm(get_activation(self.config.activation)(self.dense(x)))
        return self.bert.embedding.logits(x) + self.bias

    def compute_output_shape(self, input_shape):
        return (*ids_shape(input_shape), self.config.vocabulary_size)


@keras.saving.register_keras_serializable("lmbook", "BertClassifier")
class BERTClassifier(BERTTask):
    """One answer for a text, or for a pair of texts: inputs as of `BERT` -> logits [B, C] float32.

    Args:
        bert: see `BERTTask`.
        num_classes: C.
        pooling: "first": the first token's vector, through the pooler of `bert` (its own, where `bert` has none);
            "mean": the mean of all real tokens' vectors.

    Raises:
        LmbookError: a value is out of its range.
    """

    def __init__(self, bert: BERT | BERTConfig | dict, num_classes: int, pooling: str = "first", **kwargs):
        super().__init__(bert, **kwargs)
        self.num_classes, self.pooling = num_classes, pooling
        check_counts(self, "num_classes")
        check_choice(self, "pooling", POOLINGS)
        self.pooler = None
        if pooling == "first" and self.bert.pooler is None:
            self.pooler = self._dense(self.config.hidden_dim, "pooler")
        self.drop = self._dropout()
        self.head = self._dense(num_classes, "logits")
        self.built = True

    def call(self, inputs, padding_mask=None, training=False):
        padding_mask = self._real_tokens(inputs, padding_mask)
        x = self.bert(inputs, padding_mask=padding_mask, training=training)
        if self.pooling == "mean":
            x = mean_vectors(x, padding_mask)
        else:
            x = self.bert.pooled(x) if self.pooler is None else ops.tanh(self.pooler(x[:, 0]))
        return ops.cast(self.head(self.drop(x, training=training)), "float32")

    def compute_output_shape(self, input_shape):
        return ids_shape(input_shape)[0], self.num_classes

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes, "pooling": self.pooling}


@keras.saving.register_keras_serializable("lmbook", "BertReader")
class BERTReader(BERTTask):
    """Finds an answer in a text: inputs as of `BERT` -> logits [B, 2, T] float32, where it starts and where it ends.

    The last token of an answer is its end. Padding gets a logit so low that it is never chosen.

    Args:
        bert: see `BERTTask`.
    """

    def __init__(self, bert: BERT | BERTConfig | dict, **kwargs):
        super().__init__(bert, **kwargs)
        self.head = self._dense(2, "logits")
        self.built = True

    def call(self, inputs, padding_mask=None, training=False):
        padding_mask = self._real_tokens(inputs, padding_mask)
        x = self.head(self.bert(inputs, padding_mask=padding_mask, training=training))  # [B, T, 2]
        logits = ops.cast(ops.swapaxes(x, 1, 2), "float32")
        return ops.where(ops.expand_dims(padding_mask, 1), logits, MASKED)

    def compute_output_shape(self, input_shape):
        batch, length = ids_shape(input_shape)
        return batch, 2, length


@keras.saving.register_keras_serializable("lmbook", "BertTagger")
class BERTTagger(BERTTask):
    """Gives each token a tag: inputs as of `BERT` -> logits [B, T, K] float32.

    Args:
        bert: see `BERTTask`.
        num_tags: K.

    Raises:
        LmbookError: num_tags is not a positive number.
    """

    def __init__(self, bert: BERT | BERTConfig | dict, num_tags: int, **kwargs):
        super().__init__(bert, **kwargs)
        self.num_tags = num_tags
        check_counts(self, "num_tags")
        self.drop = self._dropout()
        self.head = self._dense(num_tags, "logits")
        self.built = True

    def call(self, inputs, padding_mask=None, training=False):
        x = self.bert(inputs, padding_mask=padding_mask, training=training)
        return ops.cast(self.head(self.drop(x, training=training)), "float32")

    def compute_output_shape(self, input_shape):
        return (*ids_shape(input_shape), self.num_tags)

    def get_config(self):
        return {**super().get_config(), "num_tags": self.num_tags}
