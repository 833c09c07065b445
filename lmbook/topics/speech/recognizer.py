"""A speech recognizer: a network that tells at each moment which token is being spoken, if any."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.layers.block import TransformerBlock, make_norm
from lmbook.layers.dense import make_dense
from lmbook.models.base import ConfiguredModel
from lmbook.models.checks import check_counts, check_dropout, check_heads


@dataclass(frozen=True)
class SpeechConfig:
    """The shape of a `SpeechRecognizer`.

    Args:
        vocabulary_size: number of token ids, V, the blank among them.
        num_mel_bins: bands of the features, M.
        hidden_dim: width, D.
        intermediate_dim: width inside the feed-forward layers, F.
        num_heads: attention heads, H.
        num_layers: blocks, L.
        dropout: share of activations set to zero in training.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    num_mel_bins: int = 40
    hidden_dim: int = 96
    intermediate_dim: int = 256
    num_heads: int = 4
    num_layers: int = 2
    dropout: float = 0.1

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "num_mel_bins", "hidden_dim", "intermediate_dim", "num_heads")
        check_counts(self, "num_layers")
        check_dropout(self)
        check_heads(self)


@keras.saving.register_keras_serializable("lmbook")
class SpeechRecognizer(ConfiguredModel):
    """Two convolutions that each halve the number of positions, then Transformer blocks that see the whole utterance.

    It is trained with connectionist temporal classification (CTC): its output at a position is a token or the blank,
    and an utterance is the tokens without repetitions and blanks. So nobody has to say *when* a word was spoken. The
    blank is the tokenizer's padding, which no word has.

    Args:
        config: a `SpeechConfig` (or a dict of its fields).

    Call:
        features [B, T, M], 0 where there is padding, and frames [B], how many of the T are real -> logits
        [B, T / 4, V] float32, of which the first `positions(frames)` count. Padding never changes them.

    Example:
        model = SpeechRecognizer(SpeechConfig(vocabulary_size=13))
        logits = model(features, frames)

    Reference:
        Graves et al. 2006, "Connectionist temporal classification"; the convolutions before the blocks as in Dong,
        Xu and Xu 2018, "Speech-Transformer".
    """

    config_class = SpeechConfig

    def __init__(self, config: SpeechConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c, policy = self.config, self.dtype_policy
        self.convolutions = [
            keras.layers.Conv1D(c.hidden_dim, 5, strides=2, name=f"convolution_{index}", dtype=policy)
            for index in range(2)
        ]
        self.convolutions[0].build((None, None, c.num_mel_bins))
        self.convolutions[1].build((None, None, c.hidden_dim))
        self.drop = keras.layers.Dropout(c.dropout, name="dropout", dtype=policy)
        self.blocks = [
            TransformerBlock(
                c.num_heads,
                c.intermediate_dim,
                rotary=True,
                dropout=c.dropout,
                activation="gelu",
                name=f"block_{index}",
                dtype=policy,
            )
            for index in range(c.num_layers)
        ]
        self.norm = make_norm("layer", 1e-5, "norm", policy)
        for layer in (self.drop, *self.blocks, self.norm):
            layer.build((None, None, c.hidden_dim))
        self.head = make_dense(c.hidden_dim, c.vocabulary_size, "logits", dtype="float32")
        self.built = True

    def call(self, features, frames, training=False):
        x, lengths = ops.convert_to_tensor(features), ops.cast(frames, "int32")
        for convolution in self.convolutions:
            # By hand, since "same" would shift the windows of an even number of positions against an odd one's.
            x = ops.gelu(convolution(ops.pad(x, [[0, 0], [2, 2], [0, 0]])))  # [B, ceil(T / 2), D]
            lengths = (lengths + 1) // 2
            real = ops.arange(ops.shape(x)[1]) < ops.expand_dims(lengths, 1)  # [B, T]
            x = x * ops.cast(ops.expand_dims(real, -1), x.dtype)
        x = self.drop(x, training=training)
        for block in self.blocks:
            x = block(x, padding_mask=real, training=training)
        return ops.cast(self.head(self.norm(x)), "float32")

    def compute_output_shape(self, features_shape, frames_shape):
        batch, length, _ = features_shape
        return batch, None if length is None else self.positions(length), self.config.vocabulary_size

    @staticmethod
    def positions(frames):
        """How many positions so many frames have: each of the convolutions halves them, rounding up."""
        return ((frames + 1) // 2 + 1) // 2
