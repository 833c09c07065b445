"""Translation before the Transformer: one LSTM reads, another writes and looks back at what was read."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.attention import attend
from lmbook.layers.embedding import make_table, tied_logits
from lmbook.models.base import ConfiguredModel
from lmbook.models.checks import check_counts, check_dropout, check_pad_id


@dataclass(frozen=True)
class RecurrentEncoderDecoderConfig:
    """The shape of a `RecurrentEncoderDecoder`.

    Args:
        vocabulary_size: number of token ids of both languages together, V.
        hidden_dim: width of a token's vector and of the memories, D; even.
        num_layers: LSTM layers of the encoder, and of the decoder.
        dropout: share of activations set to zero in training.
        pad_id: the id of padding, which is never looked at.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    hidden_dim: int = 128
    num_layers: int = 1
    dropout: float = 0.1
    pad_id: int = 0

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "hidden_dim", "num_layers")
        check_dropout(self)
        check_pad_id(self)
        if self.hidden_dim % 2:
            raise LmbookError(f"hidden_dim={self.hidden_dim} is odd.", "The encoder has half of it in each direction.")


@keras.saving.register_keras_serializable("lmbook")
class RecurrentEncoderDecoder(ConfiguredModel):
    """Predicts each next token of a target from a memory, and from attention to the source.

    The encoder reads the source in both directions (the first layer; further ones forwards), the decoder is an LSTM
    that begins empty; its output at each position asks the encoder's outputs by a dot product, and what it gets stands
    beside its own output before the logits. The table of vectors serves both languages and the logits.

    Args:
        config: a `RecurrentEncoderDecoderConfig` (or a dict of its fields).

    Call:
        (source [B, S], target [B, T]) -> logits [B, T, V] float32; both may be padded with `pad_id` at the end.

    Reference:
        Bahdanau et al. 2015, "Neural machine translation by jointly learning to align and translate"; Luong et al.
        2015, "Effective approaches to attention-based neural machine translation", equations 5 and 7 ("general").
    """

    config_class = RecurrentEncoderDecoderConfig
    jit_compile_training = False  # XLA takes longer over Keras' loop on a CPU

    def __init__(self, config: RecurrentEncoderDecoderConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c, policy = self.config, self.dtype_policy
        self.embedding = make_table(c.vocabulary_size, c.hidden_dim, "embedding", c.hidden_dim**-0.5, policy)

        def lstm(name, units=c.hidden_dim, **kind):
            return keras.layers.LSTM(units, return_sequences=True, name=name, dtype=policy, **kind)

        self.readers = [
            keras.layers.Bidirectional(lstm("encoder_0", c.hidden_dim // 2), name="encoder_0", dtype=policy),
            *(lstm(f"encoder_{index}") for index in range(1, c.num_layers)),
        ]
        self.writers = [lstm(f"decoder_{index}", return_state=True) for index in range(c.num_layers)]
        self.query = keras.layers.Dense(c.hidden_dim, use_bias=False, name="query", dtype=policy)
        self.mix = keras.layers.Dense(c.hidden_dim, activation="tanh", name="mix", dtype=policy)
        self.drops = [keras.layers.Dropout(c.dropout, name=f"dropout_{index}", dtype=policy) for index in range(2)]
        self.embedding.build((None, None))
        for layer in (*self.readers, *self.writers, self.query, *self.drops):
            layer.build((None, None, c.hidden_dim))
        self.mix.build((None, None, 2 * c.hidden_dim))
        self.built = True

    def call(self, inputs, training=False, return_weights=False):
        """On request also the weights of the attention to the source [B, 1, T, S], in a list as of one block."""
        source, target = inputs
        memory, real = self._read(source, training)
        logits, _, *weights = self._write(target, [None] * len(self.writers), memory, real, training, return_weights)
        return (logits, weights) if return_weights else logits

    def compute_output_shape(self, input_shape):
        _, target = input_shape
        return (*target, self.config.vocabulary_size)

    def initial_state(self, batch_size: int, source):
        """What the decoder needs to begin: empty memories, and the source [B, S] read once."""
        return [layer.get_initial_state(batch_size) for layer in self.writers], *self._read(source, training=False)

    def step(self, ids, state):
        """Read `ids` [B, T] of the target on from `state`; gives (logits [B, T, V], the state after them)."""
        memories, memory, real = state
        logits, after = self._write(ids, memories, memory, real, training=False)
        return logits, (after, memory, real)

    def _read(self, source, training):
        real = ops.not_equal(source, self.config.pad_id)
        x = self.drops[0](self._vectors(source), training=training)
        for layer in self.readers:  # the mask: the backward direction must not begin in the padding
            x = layer(x, mask=real, training=training)
        return x, real

    def _write(self, target, memories, memory, real, training, return_weights=False):
        x, after = self.drops[0](self._vectors(target), training=training), []
        for layer, before in zip(self.writers, memories, strict=True):
            x, *state = layer(x, initial_state=before, training=training)
            after.append(state)
        one_head = ops.expand_dims(memory, 1)  # [B, 1, S, D]
        asked = ops.expand_dims(self.query(x), 1)
        found = attend(asked, one_head, one_head, ops.expand_dims(real, 1), return_weights=return_weights)
        found, *weights = found if return_weights else [found]
        x = self.mix(ops.concatenate([x, found[:, 0]], axis=-1))
        x = self.drops[1](x, training=training)
        return tied_logits(x, self.embedding.embeddings), after, *weights

    def _vectors(self, ids):
        return self.embedding(ids) * self.config.hidden_dim**0.5
