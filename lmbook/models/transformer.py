"""The Transformer: encoder and decoder, and each of them alone."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.block import TransformerBlock, make_norm
from lmbook.layers.embedding import ScaledEmbedding
from lmbook.models.base import ConfiguredModel
from lmbook.models.checks import check_choice, check_counts, check_dropout, check_heads, check_pad_id

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
        normalize_first: normalise before each part of a block, not after it as in the paper.
        normalization: "layer" or "rms".
        activation: of the feed-forward layers, see `FeedForward`.
        tie_embeddings: use one table of vectors for the encoder, the decoder and the logits.
        use_bias: add a bias in each projection, and a shift in each LayerNorm.
        dropout: share of activations set to zero in training.
        pad_id: the id of padding, which is never looked at.

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
    normalize_first: bool = False
    normalization: str = "layer"
    activation: str = "relu"
    tie_embeddings: bool = True
    use_bias: bool = True
    dropout: float = 0.1
    pad_id: int = 0

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "num_layers")
        check_choice(self, "positions", POSITIONS)
        check_dropout(self)
        check_heads(self)
        check_pad_id(self)


def make_embedding(config: TransformerConfig, dtype=None) -> ScaledEmbedding:
    """The table of an encoder or a decoder, or the one that both share."""
    c = config
    return ScaledEmbedding(
        c.vocabulary_size,
        c.hidden_dim,
        positions=c.positions,
        max_sequence_length=c.max_sequence_length,
        dropout=c.dropout,
        name="embedding",
        dtype=dtype,
    )


def make_blocks(config: TransformerConfig, name: str, dtype=None, **kind) -> list[TransformerBlock]:
    """The stack of blocks of an encoder or a decoder; `kind` are `causal` and `cross_attention`."""
    c = config
    return [
        TransformerBlock(
            c.num_heads,
            c.intermediate_dim,
            num_key_value_heads=c.num_key_value_heads,
            activation=c.activation,
            normalization=c.normalization,
            normalize_first=c.normalize_first,
            rotary=c.positions == "rotary",
            use_bias=c.use_bias,
            dropout=c.dropout,
            name=f"{name}_{index}",
            dtype=dtype,
            **kind,
        )
        for index in range(c.num_layers)
    ]


class Transformer(ConfiguredModel):
    """What the models share: the last normalisation of `normalize_first`, the check of a text's length."""

    config_class = TransformerConfig
    jit_compile_decoding = True  # XLA fuses the many small operations of one token

    def _final_norm(self, name):
        # With `normalize_first` the sum that leaves the last block is not normalised yet.
        c = self.config
        return make_norm(c.normalization, 1e-5, name, self.dtype_policy, c.use_bias) if c.normalize_first else None

    def _build_parts(self, *layers):
        for layer in layers:
            if layer is not None:
                layer.build((None, None, self.config.hidden_dim))

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
        embedding: the `ScaledEmbedding` to share with a decoder; None: its own.

    Call:
        ids [B, T], padding_mask [B, T] (True at real tokens; None: ids other than `pad_id`) -> [B, T, D].
    """

    def __init__(self, config: TransformerConfig | dict, embedding: ScaledEmbedding | None = None, **kwargs):
        super().__init__(config, **kwargs)
        self.embedding = embedding or make_embedding(self.config, self.dtype_policy)
        self.blocks = make_blocks(self.config, "encoder_block", self.dtype_policy)
        self.norm = self._final_norm("encoder_norm")
        if embedding is None:
            self.embedding.build((None, None))
        self._build_parts(*self.blocks, self.norm)
        self.built = True

    def call(self, ids, padding_mask=None, training=False, return_weights=False):
        """On request also each block's attention [B, H, T, T]."""
        self._check_length(ids.shape[1])
        padding_mask = ops.not_equal(ids, self.config.pad_id) if padding_mask is None else padding_mask
        x = self.embedding(ids, training=training)
        return run_blocks(self.blocks, x, self.norm, return_weights, padding_mask=padding_mask, training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.config.hidden_dim)


def run_blocks(blocks, x, norm, return_weights, **options):
    """x [B, T, D] through the blocks and the last normalisation, where there is one.

    Returns:
        [B, T, D]; with `return_weights` also the weights of each block's attention, [B, H, T, T].
    """
    maps = []
    for block in blocks:
        x = block(x, return_weights=return_weights, **options)
        if return_weights:
            x, (weights,) = x
            maps.append(weights)
    x = x if norm is None else norm(x)
    return (x, maps) if return_weights else x


class CausalLanguageModel(Transformer):
    """A decoder alone: predicts each next token from all tokens before it, with or without a cache.

    A subclass makes `embedding`, `blocks` and `norm` (None: no last normalisation), and has `_logits`.
    """

    def call(self, ids, training=False, return_weights=False):
        """ids [B, T] -> logits [B, T, V] float32; on request also each block's attention [B, H, T, T]."""
        x = self.features(ids, training, return_weights)
        x, *maps = x if return_weights else [x]
        logits = self._logits(x)
        return (logits, *maps) if return_weights else logits

    def features(self, ids, training=False, return_weights=False):
        """The vectors [B, T, D] that the logits are made from; on request also each block's attention [B, H, T, T]."""
        self._check_length(ids.shape[1])
        x = self.embedding(ids, training=training)
        return run_blocks(self.blocks, x, self.norm, return_weights, training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.config.vocabulary_size)

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
        self.embedding = make_embedding(self.config, self.dtype_policy)
        self.blocks = make_blocks(self.config, "block", self.dtype_policy, causal=True)
        self.norm = self._final_norm("norm")
        self.embedding.build((None, None))
        self._build_parts(*self.blocks, self.norm)
        self.built = True

    def _logits(self, x):
        return self.embedding.logits(x)
