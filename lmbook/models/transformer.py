"""The Transformer: encoder and decoder, and each of them alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.block import TransformerBlock, make_norm
from lmbook.layers.positions import sinusoidal
from lmbook.models.base import ConfiguredModel
from lmbook.models.checks import check_choice, check_counts, check_dropout, check_heads

POSITIONS = ("sinusoidal", "learned", "rotary", "none")


@dataclass(frozen=True)
class TransformerConfig:
    """The shape of a Transformer; the defaults are a small one of "Attention is all you need".

    Args:
        vocabulary_size: number of token ids, V; of both languages together where embeddings are shared.
        hidden_dim: width of a position, D.
        intermediate_dim: width inside the feed-forward layers, F.
        num_heads: attention heads, H.
        num_layers: blocks of the encoder, and of the decoder, L.
        num_key_value_heads: heads of keys and values, a divisor of `num_heads`; None: as many.
        max_sequence_length: the longest text.
        positions: "sinusoidal" (Vaswani et al. 2017), "learned", "rotary" (Su et al. 2021) or "none".
        order: normalisation after each part ("post", as in the paper) or before it ("pre").
        normalization: "layer" or "rms".
        activation: of the feed-forward layers, see `FeedForward`.
        shared_embeddings: one table of vectors for the encoder, the decoder and the logits.
        use_bias: projections have a bias, and LayerNorms a shift.
        dropout: share of activations set to zero in training.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    hidden_dim: int = 128
    intermediate_dim: int = 512
    num_heads: int = 4
    num_layers: int = 2
    num_key_value_heads: int | None = None
    max_sequence_length: int = 128
    positions: str = "sinusoidal"
    order: str = "post"
    normalization: str = "layer"
    activation: str = "relu"
    shared_embeddings: bool = True
    use_bias: bool = True
    dropout: float = 0.1

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "num_layers")
        check_choice(self, "positions", POSITIONS)
        check_dropout(self)
        check_heads(self)


@keras.saving.register_keras_serializable("lmbook")
class Embedding(keras.layers.Layer):
    """Ids [B, T] -> vectors [B, T, D] with their positions, scaled by sqrt(D) as in the paper.

    Args:
        config: a `TransformerConfig`, or a dict of its fields.
    """

    def __init__(self, config: TransformerConfig | dict, **kwargs):
        super().__init__(**kwargs)
        self.config = c = config if isinstance(config, TransformerConfig) else TransformerConfig(**config)
        start = keras.initializers.RandomNormal(stddev=c.hidden_dim**-0.5)
        self.table = keras.layers.Embedding(c.vocabulary_size, c.hidden_dim, start, name="embedding")
        self.places = None
        if c.positions == "learned":
            small = keras.initializers.RandomNormal(stddev=0.02)
            self.places = keras.layers.Embedding(c.max_sequence_length, c.hidden_dim, small, name="position_embedding")
        self.drop = keras.layers.Dropout(c.dropout, name="dropout")

    def build(self, input_shape):
        self.table.build(input_shape)
        if self.places is not None:
            self.places.build((None,))
        self.built = True

    def call(self, ids, position=0, training=False):
        """`position`: the place of the first of `ids`."""
        c = self.config
        x = self.table(ids) * c.hidden_dim**0.5
        places = ops.arange(ops.shape(ids)[1]) + position
        if c.positions == "learned":
            x = x + self.places(places)
        elif c.positions == "sinusoidal":
            x = x + ops.cast(sinusoidal(places, c.hidden_dim), x.dtype)
        return self.drop(x, training=training)

    def logits(self, x):
        """Vectors [B, T, D] -> how well each token's vector fits [B, T, V], float32."""
        table = ops.cast(self.table.embeddings, x.dtype)
        return ops.cast(ops.matmul(x, ops.transpose(table)), "float32")

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


def make_blocks(config: TransformerConfig, name: str, **kind) -> list[TransformerBlock]:
    """The stack of blocks of an encoder or a decoder; `kind` are `causal` and `cross_attention`."""
    c = config
    return [
        TransformerBlock(
            c.num_heads,
            c.intermediate_dim,
            num_key_value_heads=c.num_key_value_heads,
            activation=c.activation,
            normalization=c.normalization,
            order=c.order,
            rotary=c.positions == "rotary",
            use_bias=c.use_bias,
            dropout=c.dropout,
            name=f"{name}_{index}",
            **kind,
        )
        for index in range(c.num_layers)
    ]


class Transformer(ConfiguredModel):
    """What the models share: the last normalisation of "pre", the check of a text's length."""

    config_class = TransformerConfig
    jit_compile_decoding = True  # XLA fuses the many small operations of one token

    def _final_norm(self, name):
        # "pre" leaves the last sum as it is: it is normalised here.
        c = self.config
        return make_norm(c.normalization, 1e-5, name, use_bias=c.use_bias) if c.order == "pre" else None

    def _build(self, *layers):
        for layer in layers:
            if layer is not None:
                layer.build((None, None, self.config.hidden_dim))
        self.built = True

    def _check_length(self, length):
        if length is not None and length > self.config.max_sequence_length:
            raise LmbookError(
                f"A text of {length} tokens is longer than max_sequence_length={self.config.max_sequence_length}.",
                "Cut it, or make the model with a larger max_sequence_length.",
            )


@keras.saving.register_keras_serializable("lmbook")
class TransformerEncoder(Transformer):
    """Each position reads the whole text: ids [B, T] -> vectors [B, T, D].

    Args:
        config: a `TransformerConfig` (or a dict of its fields).
        embedding: the `Embedding` to share with a decoder; None: its own.

    Call:
        ids [B, T], padding_mask [B, T] (True at real tokens; None: ids other than 0) -> [B, T, D].
    """

    def __init__(self, config: TransformerConfig | dict, embedding: Embedding | None = None, **kwargs):
        super().__init__(config, **kwargs)
        self.embedding = embedding or Embedding(self.config, name="embedding")
        self.blocks = make_blocks(self.config, "encoder_block")
        self.norm = self._final_norm("encoder_norm")
        self._build(self.embedding if embedding is None else None, *self.blocks, self.norm)

    def call(self, ids, padding_mask=None, training=False, return_weights=False):
        self._check_length(ids.shape[1])
        padding_mask = ops.not_equal(ids, 0) if padding_mask is None else padding_mask
        x, maps = self.embedding(ids, training=training), []
        for block in self.blocks:
            x, weights = block(x, padding_mask=padding_mask, training=training, return_weights=True)
            maps.append(weights[0])
        x = x if self.norm is None else self.norm(x)
        return (x, maps) if return_weights else x


class CausalLanguageModel(Transformer):
    """A decoder alone: predicts each next token from all tokens before it, with or without a cache.

    A subclass makes `embedding`, `blocks` and `norm` (None: no last normalisation), and has `_logits`.
    """

    def call(self, ids, training=False, return_weights=False):
        """ids [B, T] -> logits [B, T, V] float32; on request also each block's attention [B, H, T, T]."""
        x, maps = self.features(ids, training=training, return_weights=True)
        logits = self._logits(x)
        return (logits, maps) if return_weights else logits

    def features(self, ids, training=False, return_weights=False):
        """The vectors [B, T, D] that the logits are made from."""
        self._check_length(ids.shape[1])
        x, maps = self.embedding(ids, training=training), []
        for block in self.blocks:
            x, weights = block(x, training=training, return_weights=True)
            maps.append(weights[0])
        x = x if self.norm is None else self.norm(x)
        return (x, maps) if return_weights else x

    def initial_state(self, batch_size: int, *, length: int | None = None):
        """An empty cache for each block, and how many tokens it holds; `length`: room, None: for the longest text."""
        length = length or self.config.max_sequence_length
        return ops.zeros((), "int32"), [block.empty_cache(batch_size, length) for block in self.blocks]

    def step(self, ids, state):
        """Read `ids` [B, T] on from `state`; gives (logits [B, T, V], the state after the last of them)."""
        position, caches = state
        x, after = self.embedding(ids, position=position), []
        for block, cache in zip(self.blocks, caches, strict=True):
            x, cache = block.step(x, cache, position)
            after.append(cache)
        x = x if self.norm is None else self.norm(x)
        return self._logits(x), (position + ops.shape(ids)[1], after)


@keras.saving.register_keras_serializable("lmbook")
class TransformerLanguageModel(CausalLanguageModel):
    """The decoder of the Transformer alone.

    Args:
        config: a `TransformerConfig` (or a dict of its fields).

    Call:
        ids [B, T] -> logits [B, T, V] float32; position t sees tokens 0 … t. Padding, if any, stands at the end.

    Example:
        model = TransformerLanguageModel(TransformerConfig(vocabulary_size=65))
        logits, state = model.step(prompt, model.initial_state(batch_size=1))
    """

    def __init__(self, config: TransformerConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        self.embedding = Embedding(self.config, name="embedding")
        self.blocks = make_blocks(self.config, "block", causal=True)
        self.norm = self._final_norm("norm")
        self._build(self.embedding, *self.blocks, self.norm)

    def _logits(self, x):
        return self.embedding.logits(x)
