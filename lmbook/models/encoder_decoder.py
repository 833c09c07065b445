"""The whole Transformer: an encoder reads one text, a decoder writes another."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.models.transformer import Transformer, TransformerConfig, TransformerEncoder, make_blocks, make_embedding


@keras.saving.register_keras_serializable("lmbook")
class EncoderDecoder(Transformer):
    """Predicts each next token of a target text from its tokens so far and from a whole source text.

    Args:
        config: a `TransformerConfig` (or a dict of its fields).

    Call:
        (source [B, S], target [B, T]) -> logits [B, T, V] float32; both may be padded with `pad_id` at the end.

    Example:
        model = EncoderDecoder(TransformerConfig(vocabulary_size=8000))
        logits = model((source, target))
        logits, state = model.step(begin, model.initial_state(1, source))

    Reference:
        Vaswani et al. 2017, "Attention is all you need", figure 1.
    """

    jit_compile_training = False  # pairs come in several shapes, and XLA on a CPU takes a minute over each

    def __init__(self, config: TransformerConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c, policy = self.config, self.dtype_policy
        self.embedding = make_embedding(c, policy)
        self.encoder = self._make_encoder()
        self.blocks = make_blocks(c, "decoder_block", policy, causal=True, cross_attention=True)
        self.norm = self._final_norm("decoder_norm")
        self.head = None
        if not c.tie_embeddings:
            self.head = keras.layers.Dense(c.vocabulary_size, use_bias=False, dtype="float32", name="logits")
        self.embedding.build((None, None))
        self._build_parts(*self.blocks, self.norm, self.head)
        self.built = True

    def _make_encoder(self):
        """What reads the source, built: gives vectors [B, S, D]."""
        shared = self.embedding if self.config.tie_embeddings else None
        encoder = TransformerEncoder(self.config, shared, name="encoder", dtype=self.dtype_policy)
        encoder.build((None, None))
        return encoder

    def call(self, inputs, training=False, return_weights=False):
        """On request also, for each block, its attention [B, H, T, T] and cross-attention [B, H, T, S]."""
        source, target = inputs
        self._check_length(target.shape[1])
        # Padding at the end of the target needs no mask: no real token sees what comes after it.
        memory, real = self.encoder(source, training=training), self.readable(source)
        x, maps = self.embedding(target, training=training), []
        options = {"memory": memory, "memory_padding_mask": real, "training": training}
        for block in self.blocks:
            x = block(x, return_weights=return_weights, **options)
            if return_weights:
                x, weights = x
                maps.append(weights)
        logits = self._logits(x)
        return (logits, maps) if return_weights else logits

    def compute_output_shape(self, input_shape):
        _, target = input_shape
        return (*target, self.config.vocabulary_size)

    def readable(self, source):
        """The mask of the cross-attention: where the decoder may look, the real tokens of the source [B, S]."""
        return ops.not_equal(source, self.config.pad_id)

    def initial_state(self, batch_size: int, source, *, length: int | None = None):
        """What the decoder needs to begin: the source [B, S] read once, its keys and values, an empty cache.

        The cache has room for `length` tokens of the target; None: for the longest text.
        """
        memory, real = self.encoder(source), self.readable(source)
        length = length or self.config.max_sequence_length
        caches = [block.empty_cache(batch_size, length) for block in self.blocks]
        return ops.zeros((), "int32"), caches, [block.memory_cache(memory) for block in self.blocks], real

    def step(self, ids, state):
        """Read `ids` [B, T] of the target on from `state`; gives (logits [B, T, V], the state after them)."""
        position, caches, memory_caches, real = state
        x, after = self.embedding(ids, position), []
        for block, cache, memory_cache in zip(self.blocks, caches, memory_caches, strict=True):
            x, cache = block.step(x, cache, position, memory_cache, real)
            after.append(cache)
        return self._logits(x), (position + ops.shape(ids)[1], after, memory_caches, real)

    def _logits(self, x):
        x = x if self.norm is None else self.norm(x)
        return self.embedding.logits(x) if self.head is None else self.head(x)
