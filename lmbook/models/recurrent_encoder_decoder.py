"""Translation before the Transformer: one LSTM reads, another writes and looks back at what was read."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.attention import attend
from lmbook.models.base import ConfiguredModel
from lmbook.models.checks import check_counts, check_dropout


@dataclass(frozen=True)
class RecurrentEncoderDecoderConfig:
    """The shape of a `RecurrentEncoderDecoder`.

    Args:
        vocabulary_size: number of token ids of both languages together, V.
        hidden_dim: width of a token's vector and of the memories, D; even.
        num_layers: LSTM layers of the encoder, and of the decoder.
        dropout: share of activations set to zero in training.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    hidden_dim: int = 128
    num_layers: int = 1
    dropout: float = 0.1

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "hidden_dim", "num_layers")
        check_dropout(self)
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
        (source [B, S], target [B, T]) -> logits [B, T, V] float32; id 0 is padding in both.

    Reference:
        Bahdanau et al. 2015, "Neural machine translation by jointly learning to align and translate"; Luong et al.
        2015, "Effective approaches to attention-based neural machine translation", equations 5 and 7 ("general").
    """

    config_class = RecurrentEncoderDecoderConfig
    jit_compile_training = False  # XLA takes longer over Keras' loop on a CPU

    def __init__(self, config: RecurrentEncoderDecoderConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c = self.config
        start = keras.initializers.RandomNormal(stddev=c.hidden_dim**-0.5)
        self.embedding = keras.layers.Embedding(c.vocabulary_size, c.hidden_dim, start, name="embedding")

        def lstm(name, units=c.hidden_dim, **kind):
            return keras.layers.LSTM(units, return_sequences=True, name=name, **kind)

        self.readers = [
            keras.layers.Bidirectional(lstm("encoder_0", c.hidden_dim // 2), name="encoder_0"),
            *(lstm(f"encoder_{index}") for index in range(1, c.num_layers)),
        ]
        self.writers = [lstm(f"decoder_{index}", return_state=True) for index in range(c.num_layers)]
        self.query = keras.layers.Dense(c.hidden_dim, use_bias=False, name="query")
        self.mix = keras.layers.Dense(c.hidden_dim, activation="tanh", name="mix")
        self.drops = [keras.layers.Dropout(c.dropout, name=f"dropout_{index}") for index in range(2)]
        self.embedding.build(None)
        for layer in (*self.readers, *self.writers, self.query):
            layer.build((None, None, c.hidden_dim))
        self.mix.build((None, None, 2 * c.hidden_dim))
        self.built = True

    def call(self, inputs, training=False, return_weights=False):
        """On request also the weights of the attention to the source [B, 1, T, S], in a list as of one block."""
        source, target = inputs
        memory, real = self._read(source, training)
        logits, _, weights = self._write(target, [None] * len(self.writers), memory, real, training)
        return (logits, [weights]) if return_weights else logits

    def initial_state(self, batch_size: int, source):
        """What the decoder needs to begin: empty memories, and the source [B, S] read once."""
        return [layer.get_initial_state(batch_size) for layer in self.writers], *self._read(source, training=False)

    def step(self, ids, state):
        """Read `ids` [B, T] of the target on from `state`; gives (logits [B, T, V], the state after them)."""
        memories, memory, real = state
        logits, after, _ = self._write(ids, memories, memory, real, training=False)
        return logits, (after, memory, real)

    def _read(self, source, training):
        real = ops.not_equal(source, 0)
        x = self.drops[0](self._vectors(source), training=training)
        for layer in self.readers:  # the mask: the backward direction must not begin in the padding
            x = layer(x, mask=real, training=training)
        return x, real

    def _write(self, target, memories, memory, real, training):
        x, after = self.drops[0](self._vectors(target), training=training), []
        for layer, before in zip(self.writers, memories, strict=True):
            x, *state = layer(x, initial_state=before, training=training)
            after.append(state)
        one_head = ops.expand_dims(memory, 1)  # [B, 1, S, D]
        asked = ops.expand_dims(self.query(x), 1)
        found, weights = attend(asked, one_head, one_head, ops.expand_dims(real, 1))
        x = self.mix(ops.concatenate([x, found[:, 0]], axis=-1))
        x = self.drops[1](x, training=training)
        logits = ops.matmul(x, ops.transpose(ops.cast(self.embedding.embeddings, x.dtype)))
        return ops.cast(logits, "float32"), after, weights

    def _vectors(self, ids):
        return self.embedding(ids) * self.config.hidden_dim**0.5
