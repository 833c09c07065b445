"""GPT: a decoder alone, from GPT-2 to what is built today."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.block import NORMALIZATIONS, TransformerBlock, make_norm
from lmbook.layers.dense import built_dense
from lmbook.layers.embedding import TokenEmbedding
from lmbook.layers.feed_forward import ACTIVATIONS
from lmbook.layers.positions import BASE
from lmbook.models.checks import check_choice, check_counts, check_dropout, check_heads
from lmbook.models.transformer import CausalLanguageModel

POSITIONS = ("learned", "rotary", "none")


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a `GPT`. The defaults are a small GPT-2; the registry's model "gpt" has today's choices.

    Args:
        vocabulary_size: number of token ids, V.
        hidden_dim: width of a position, D.
        intermediate_dim: width inside the feed-forward layers, F.
        num_heads: attention heads, H.
        num_layers: blocks, L.
        num_key_value_heads: heads of keys and values, a divisor of `num_heads`; None: as many.
        max_sequence_length: the longest text.
        positions: "learned", "rotary" (Su et al. 2021) or "none".
        rotary_base: of the rotary angles; larger for longer texts.
        normalization: "layer" or "rms", before each part of a block and before the logits.
        normalize_heads: queries and keys get root mean square 1 (Henry et al. 2020).
        smear_keys: each key is mixed with the one before it (Olsson et al. 2022), see `MultiHeadAttention`.
        normalize_embedding: the vectors are normalised before the first block too.
        activation: of the feed-forward layers, see `FeedForward`.
        shared_embeddings: one table for the tokens' vectors and the logits (Press and Wolf 2017).
        logit_soft_cap: logits x become c tanh(x / c), so none is beyond c (Gemma Team 2024); None: as they are.
        use_bias: projections have a bias, and LayerNorms a shift.
        zero_projections: each block starts as the identity, and logits that share no table as zeros: the matrices that
            give a part's output start at 0 (He et al. 2016 and Zhang et al. 2019 for residual networks). False:
            GPT-2's start, which makes them small, since 2 L outputs add up.
        stddev: how far the matrices spread at the start; None: as Keras has it, wider for smaller ones.
        embedding_stddev: the same of the tables of vectors.
        dropout: share of activations set to zero in training.
        epsilon: of the normalisations.

    Raises:
        LmbookError: a value is out of its range.
    """

    vocabulary_size: int
    hidden_dim: int = 128
    intermediate_dim: int = 512
    num_heads: int = 4
    num_layers: int = 4
    num_key_value_heads: int | None = None
    max_sequence_length: int = 256
    positions: str = "learned"
    rotary_base: float = BASE
    normalization: str = "layer"
    normalize_heads: bool = False
    smear_keys: bool = False
    normalize_embedding: bool = False
    activation: str = "gelu"
    shared_embeddings: bool = True
    logit_soft_cap: float | None = None
    use_bias: bool = True
    zero_projections: bool = False
    stddev: float | None = 0.02
    embedding_stddev: float = 0.02
    dropout: float = 0.0
    epsilon: float = 1e-5

    def __post_init__(self):
        counts = ("vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "num_layers", "max_sequence_length")
        check_counts(self, *counts)
        check_choice(self, "positions", POSITIONS)
        check_choice(self, "normalization", NORMALIZATIONS)
        check_choice(self, "activation", ACTIVATIONS)
        check_dropout(self)
        check_heads(self)
        if self.logit_soft_cap is not None and not self.logit_soft_cap > 0:
            raise LmbookError(f"logit_soft_cap={self.logit_soft_cap!r} is not above 0.", "Choose for example 15.0.")


@keras.saving.register_keras_serializable("lmbook")
class GPT(CausalLanguageModel):
    """Predicts each next token from all tokens before it.

    Args:
        config: a `GPTConfig` (or a dict of its fields).

    Call:
        ids [B, T] -> logits [B, T, V] float32; position t sees tokens 0 … t. Padding, if any, stands at the end.

    Example:
        model = GPT(GPTConfig(vocabulary_size=65))
        logits, state = model.step(prompt, model.initial_state(batch_size=1))

    Reference:
        Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.3.
    """

    config_class = GPTConfig

    def __init__(self, config: GPTConfig | dict, **kwargs):
        super().__init__(config, **kwargs)
        c = self.config
        self.embedding = TokenEmbedding(
            c.vocabulary_size,
            c.hidden_dim,
            num_positions=c.max_sequence_length if c.positions == "learned" else None,
            normalization=c.normalization if c.normalize_embedding else None,
            epsilon=c.epsilon,
            dropout=c.dropout,
            stddev=c.embedding_stddev,
            name="embedding",
        )
        last = None if c.stddev is None else c.stddev / (2 * c.num_layers) ** 0.5
        self.blocks = [
            TransformerBlock(
                c.num_heads,
                c.intermediate_dim,
                causal=True,
                num_key_value_heads=c.num_key_value_heads,
                activation=c.activation,
                normalization=c.normalization,
                rotary=c.positions == "rotary",
                rotary_base=c.rotary_base,
                normalize_heads=c.normalize_heads,
                smear_keys=c.smear_keys,
                use_bias=c.use_bias,
                dropout=c.dropout,
                epsilon=c.epsilon,
                stddev=c.stddev,
                output_stddev=0.0 if c.zero_projections else last,
                name=f"block_{index}",
            )
            for index in range(c.num_layers)
        ]
        self.norm = make_norm(c.normalization, c.epsilon, "norm", use_bias=c.use_bias)
        self._build(self.embedding, *self.blocks, self.norm)
        self.head = None
        if not c.shared_embeddings:
            start = 0.0 if c.zero_projections else c.stddev
            self.head = built_dense(c.hidden_dim, c.vocabulary_size, "logits", use_bias=False, stddev=start)

    def _logits(self, x):
        logits = self.embedding.logits(x) if self.head is None else ops.cast(self.head(x), "float32")
        cap = self.config.logit_soft_cap
        return logits if cap is None else cap * ops.tanh(logits / cap)
