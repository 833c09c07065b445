"""A model that reads stories sentence by sentence and answers the questions that come up in them."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.layers.block import TransformerBlock, make_norm
from lmbook.layers.dense import make_dense
from lmbook.layers.embedding import make_table
from lmbook.models.base import ConfiguredModel
from lmbook.models.checks import check_choice, check_counts, check_dropout, check_heads, check_pad_id
from lmbook.models.recurrent import ChronoBias

CORES = ("transformer", "lstm")
SLOWNESS = 32.0  # lines until the clock's vector is as long as that of a word


@dataclass(frozen=True)
class StoryReaderConfig:
    """The shape of a `StoryReader`.

    Args:
        vocabulary_size: ids of words and of answers, V.
        question_id: the id of the question mark, by which a question is known.
        max_words: words of a line, W.
        hidden_dim: width of a line's vector, D.
        num_layers: how often the block is applied, or LSTMs on top of each other, L.
        core: what reads the lines: "transformer" or "lstm".
        num_heads: attention heads of a block, H.
        intermediate_dim: width inside the feed-forward layers of a block, F.
        rotary_base: of the angles by which a block knows how long ago a line was read.
        mimetic: the queries of the block start as its keys, so that at first a line looks at those with the same words
            (Trockman and Kolter 2023, "Mimetic initialization of self-attention layers").
        memory_span: the lines that the memory of an LSTM should bridge from the start (`ChronoBias`).
        dropout: share of activations set to zero in training.
        pad_id: the id of padding, at the end of a line.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    question_id: int
    max_words: int
    hidden_dim: int = 128
    num_layers: int = 4
    core: str = "transformer"
    num_heads: int = 4
    intermediate_dim: int = 256
    rotary_base: float = 1000.0
    mimetic: bool = True
    memory_span: int = 20
    dropout: float = 0.0
    pad_id: int = 0

    def __post_init__(self):
        check_counts(self, "vocabulary_size", "max_words", "hidden_dim", "num_layers", "num_heads", "intermediate_dim")
        check_choice(self, "core", CORES)
        check_dropout(self)
        check_heads(self)
        check_pad_id(self)


@keras.saving.register_keras_serializable("lmbook")
class LineEmbedding(keras.layers.Layer):
    """The words of a line -> its vector: ids [B, T, W] -> [B, T, D].

    Each word's vector is multiplied, number by number, with one that is learned for its place in the line, and all are
    added up. Padding adds nothing.

    Args:
        vocabulary_size: V.
        hidden_dim: D.
        max_words: W.
        pad_id: the id of padding.

    Reference:
        Sukhbaatar et al. 2015, "End-to-end memory networks", section 4.1, with a learned mask as in Dehghani et al.
        2019, "Universal Transformers", section 3.1.
    """

    def __init__(self, vocabulary_size: int, hidden_dim: int, max_words: int, pad_id: int = 0, **kwargs):
        super().__init__(**kwargs)
        self._settings = {
            "vocabulary_size": vocabulary_size,
            "hidden_dim": hidden_dim,
            "max_words": max_words,
            "pad_id": pad_id,
        }
        self.pad_id = pad_id
        # Vectors of length about 1: a line is found again by its words only if each has a direction of its own.
        self.words = make_table(vocabulary_size, hidden_dim, "words", hidden_dim**-0.5, self.dtype_policy)

    def build(self, input_shape):
        self.words.build((None, None))
        start = keras.initializers.RandomNormal(mean=1.0, stddev=0.3)
        shape = self._settings["max_words"], self._settings["hidden_dim"]
        self.places = self.add_weight(shape=shape, initializer=start, name="places")
        self.built = True

    def call(self, ids):
        real = ops.cast(ops.expand_dims(ops.not_equal(ids, self.pad_id), -1), self.compute_dtype)
        return ops.sum(self.words(ids) * ops.cast(self.places, self.compute_dtype) * real, axis=2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self._settings["hidden_dim"])

    def get_config(self):
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable("lmbook")
class StoryReader(ConfiguredModel):
    """Answers each question from the lines before it.

    The Transformer is a universal one: the same block is applied again and again. To find the milk it looks for who
    took it, and then for where they are; the second is what it has to do for "Where is Mary?" anyway, and with one
    block for all rounds it learns that once.

    The lines are read in their order. How long ago one was, a block knows from the rotary angles, and from a clock: a
    vector that is added to each line in proportion to its number. A score that rises with it takes the latest of
    several lines that fit, however many there are between them; where no later line is seen, that is the same as the
    penalty for distance of Press et al. 2022 ("Train short, test long").

    What a line looks for is to be learned by two projections at once, queries and keys, and as long as neither knows,
    neither is told. So they start as one (`mimetic`), and lines with the same words find each other from the start.

    No block looks at questions: one can be asked or left out without any effect on another. An LSTM cannot help reading
    them.

    Args:
        config: a `StoryReaderConfig` (or a dict of its fields).

    Call:
        ids [B, T, W] -> logits [B, T, V] float32, of the answer, should line t be a question.

    Reference:
        Dehghani et al. 2019, "Universal Transformers", without the part that decides when to stop.
    """

    config_class = StoryReaderConfig

    def __init__(self, config: StoryReaderConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c, policy = self.config, self.dtype_policy
        self.embedding = LineEmbedding(
            c.vocabulary_size, c.hidden_dim, c.max_words, c.pad_id, name="embedding", dtype=policy
        )
        self.embedding.build((None, None, c.max_words))
        self.drop = keras.layers.Dropout(c.dropout, name="dropout", dtype=policy)
        self.rounds = None
        if c.core == "transformer":
            self.core = [self._block()]
            self.rounds = keras.layers.Embedding(c.num_layers, c.hidden_dim, name="round_embedding", dtype=policy)
            self.rounds.build((None,))
            start = keras.initializers.RandomNormal(stddev=c.hidden_dim**-0.5)
            self.clock = self.add_weight(shape=(c.hidden_dim,), initializer=start, name="clock")
        else:
            self.core = [self._lstm(index) for index in range(c.num_layers)]
        self.norm = make_norm("rms", 1e-5, "norm", policy)
        for layer in (self.drop, *self.core, self.norm):
            layer.build((None, None, c.hidden_dim))
        if c.core == "transformer" and c.mimetic:
            attention = self.core[0].attention
            attention.query_projection.kernel.assign(attention.key_projection.kernel)
        self.match = make_dense(c.hidden_dim, c.hidden_dim, "match", use_bias=False, dtype=policy)
        self.head = make_dense(2 * c.hidden_dim, c.vocabulary_size, "logits", stddev=0.02, dtype=policy)
        self.built = True

    def _block(self):
        c = self.config
        return TransformerBlock(
            c.num_heads,
            c.intermediate_dim,
            causal=True,
            activation="swiglu",
            normalization="rms",
            rotary=True,
            rotary_base=c.rotary_base,
            use_bias=False,
            dropout=c.dropout,
            name="block",
            dtype=self.dtype_policy,
        )

    def _lstm(self, index):
        bias = ChronoBias(self.config.memory_span)
        return keras.layers.LSTM(
            self.config.hidden_dim,
            return_sequences=True,
            unit_forget_bias=False,
            bias_initializer=bias,
            name=f"lstm_{index}",
            dtype=self.dtype_policy,
        )

    @property
    def jit_compile_training(self) -> bool:
        """XLA takes longer over Keras' loop on a CPU."""
        return self.config.core == "transformer"

    def call(self, ids, training=False):
        line = self.embedding(ids)
        x = self.drop(line, training=training)
        if self.config.core == "transformer":
            told = ops.logical_not(ops.any(ops.equal(ids, self.config.question_id), axis=-1))  # [B, T]
            rounds = self.rounds(ops.arange(self.config.num_layers))  # [L, D]
            number = ops.cast(ops.arange(ops.shape(ids)[1]), x.dtype)  # of the line
            x = x + number[:, None] / SLOWNESS * ops.cast(self.clock, x.dtype)
            for turn in range(self.config.num_layers):
                x = self.core[0](x + rounds[turn], padding_mask=told, training=training)
        else:
            for lstm in self.core:
                x = self.drop(lstm(x, training=training), training=training)
        x = self.norm(x)
        # Whether what was found is what was asked for ("Is John in the garden?"): their product says it at once; a
        # sum would leave the comparison to the layers.
        x = ops.concatenate([x, x * self.match(line)], axis=-1)
        return ops.cast(self.head(x), "float32")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.config.vocabulary_size)
