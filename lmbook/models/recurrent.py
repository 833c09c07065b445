"""The recurrent language model: embedding, RNN / LSTM / GRU layers, logits."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.embedding import make_table
from lmbook.models.base import ConfiguredModel
from lmbook.models.checks import check_choice, check_counts, check_dropout

_CELLS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


@dataclass(frozen=True)
class RecurrentConfig:
    """The shape of a `RecurrentLanguageModel`.

    Args:
        vocabulary_size: number of token ids, V.
        embedding_dim: width of a token's vector.
        hidden_dim: width of each layer's memory.
        num_layers: how many recurrent layers stand on top of each other, L.
        cell: "rnn" (Elman 1990), "lstm" (Hochreiter and Schmidhuber 1997) or "gru" (Cho et al. 2014).
        dropout: share of activations set to zero in training, before each recurrent layer and before the logits.
        memory_span: LSTM only: the longest distance in tokens that its memory should bridge from the start
            (`ChronoBias`); 0 is Keras' own start, which forgets half of what it holds within three tokens.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    embedding_dim: int = 128
    hidden_dim: int = 256
    num_layers: int = 1
    cell: str = "lstm"
    dropout: float = 0.0
    memory_span: int = 0

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "embedding_dim", "hidden_dim", "num_layers")
        check_choice(self, "cell", _CELLS)
        check_dropout(self)
        if self.memory_span and (self.cell != "lstm" or self.memory_span < 2):
            raise LmbookError(
                f"memory_span={self.memory_span!r} with cell={self.cell!r} is not possible.",
                'Choose 0, or at least 2 with cell="lstm".',
            )


@keras.saving.register_keras_serializable("lmbook")
class ChronoBias(keras.initializers.Initializer):
    """The bias of an LSTM whose units remember for times spread between 1 and `span` tokens.

    A forget gate of bias b keeps sigmoid(b) of the memory at each token, so it forgets within about 1 + exp(b) tokens.
    Each unit draws a time t from [1, span - 1], gets the forget bias log t and the input bias -log t: what is kept
    for long is written seldom. Keras orders the gates input, forget, candidate, output.

    Reference:
        Tallec and Ollivier 2018, "Can recurrent neural networks warp time?", section 3.
    """

    def __init__(self, span: int, seed: int | None = None):
        self.span = span
        self._generator = keras.initializers.RandomUniform(1.0, float(span - 1), seed=seed)

    def __call__(self, shape, dtype=None):
        units = shape[0] // 4
        forget = ops.log(self._generator((units,), dtype))
        rest = ops.zeros((2 * units,), dtype)
        return ops.concatenate([-forget, forget, rest])

    def get_config(self):
        return {"span": self.span, "seed": self._generator.seed}


@keras.saving.register_keras_serializable("lmbook")
class RecurrentLanguageModel(ConfiguredModel):
    """Predicts each next token from a memory that is updated token by token.

    Args:
        config: a `RecurrentConfig` (or a dict of its fields, as `get_config` gives it).

    Call:
        ids [B, T] int32 -> logits [B, T, V] float32; position t sees tokens 0..t.

    Example:
        model = RecurrentLanguageModel(RecurrentConfig(vocabulary_size=65))
        logits = model(ids)
        logits, state = model.step(prompt, model.initial_state(batch_size=1))

    Reference:
        Mikolov et al. 2010, "Recurrent neural network based language model".
    """

    config_class = RecurrentConfig
    # XLA takes longer over Keras' loop on a CPU, and on a GPU it would keep Keras from cuDNN's kernels.
    jit_compile_training = False

    def __init__(self, config: RecurrentConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c, policy = self.config, self.dtype_policy
        # Keras' own vectors (within 0.05 of zero) are so small that for hundreds of steps all tokens look alike.
        self.embedding = make_table(c.vocabulary_size, c.embedding_dim, "embedding", 1.0, policy)
        span = {"unit_forget_bias": False, "bias_initializer": ChronoBias(c.memory_span)} if c.memory_span else {}
        kind = {"return_sequences": True, "return_state": True, "dtype": policy, **span}
        self.recurrent = [
            _CELLS[c.cell](c.hidden_dim, name=f"{c.cell}_{index}", **kind) for index in range(c.num_layers)
        ]
        # One seed each, or two layers would drop the same units.
        self.drops = [
            keras.layers.Dropout(c.dropout, name=f"dropout_{index}", dtype=policy) for index in range(c.num_layers + 1)
        ]
        self.head = keras.layers.Dense(c.vocabulary_size, dtype="float32", name="logits")
        self.embedding.build((None, None))
        for index, (layer, drop) in enumerate(zip(self.recurrent, self.drops, strict=False)):
            for part in (layer, drop):
                part.build((None, None, c.hidden_dim if index else c.embedding_dim))
        for last in (self.drops[-1], self.head):
            last.build((None, None, c.hidden_dim))
        self.built = True

    def call(self, ids, training=False):
        """ids [B, T] -> logits [B, T, V]."""
        return self._forward(ids, [None] * len(self.recurrent), training)[0]

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.config.vocabulary_size)

    def initial_state(self, batch_size: int):
        """The empty memory: for each layer a list of tensors [B, hidden_dim] (LSTM: output and cell)."""
        return [layer.get_initial_state(batch_size) for layer in self.recurrent]

    def step(self, ids, state):
        """Read `ids` [B, T] on from `state`; gives (logits [B, T, V], the state after the last of them).

        Reading a text in pieces of any length gives the logits of `call` on the whole.
        """
        return self._forward(ids, state, training=False)

    def _forward(self, ids, state, training):
        x = self.embedding(ids)  # [B, T, E]
        after = []
        for layer, drop, before in zip(self.recurrent, self.drops, state, strict=False):
            x, *memory = layer(drop(x, training=training), initial_state=before, training=training)
            after.append(memory)
        x = self.drops[-1](x, training=training)  # [B, T, hidden]
        return ops.cast(self.head(x), "float32"), after


LSTMLanguageModel = RecurrentLanguageModel  # the usual cell; `RecurrentConfig(cell=…)` chooses another
