"""GPT: a decoder-only Transformer, with the choices of GPT-2 or those of today."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.block import NORMALIZATIONS, TransformerBlock, make_norm
from lmbook.layers.dense import make_dense
from lmbook.layers.embedding import TokenEmbedding
from lmbook.layers.feed_forward import get_activation
from lmbook.layers.positions import ROPE_BASE
from lmbook.models.checks import check_choice, check_counts, check_dropout, check_heads, check_pad_id
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
        qk_norm: scale queries and keys to root mean square 1 (Henry et al. 2020).
        smear_keys: mix each key with the one before it (Olsson et al. 2022), see `MultiHeadAttention`.
        normalize_embedding: normalise the vectors before the first block too.
        activation: of the feed-forward layers, see `FeedForward`.
        tie_embeddings: use one table for the tokens' vectors and the logits (Press and Wolf 2017).
        logit_soft_cap: c; logits x become c tanh(x / c), so none is beyond c (Gemma Team 2024). None: leave them.
        use_bias: add a bias in each projection, and a shift in each LayerNorm.
        zero_projections: start the matrices that give a part's output at 0, so that each block starts as the identity
            (He et al. 2016 and Zhang et al. 2019 for residual networks), and logits that share no table at 0. False:
            GPT-2's start, which makes these matrices small, since 2 L outputs are added up.
        stddev: of the matrices' initial values; None: Keras' default, wider for smaller matrices.
        embedding_stddev: of the embedding tables' initial values.
        dropout: share of activations set to zero in training.
        epsilon: of the normalisations.
        pad_id: the id of padding. The model itself needs no mask for it; a `RewardModel` does.

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
    rotary_base: float = ROPE_BASE
    normalization: str = "layer"
    qk_norm: bool = False
    smear_keys: bool = False
    normalize_embedding: bool = False
    activation: str = "gelu"
    tie_embeddings: bool = True
    logit_soft_cap: float | None = None
    use_bias: bool = True
    zero_projections: bool = False
    stddev: float | None = 0.02
    embedding_stddev: float = 0.02
    dropout: float = 0.0
    epsilon: float = 1e-5
    pad_id: int = 0

    def __post_init__(self):
        counts = ("vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "num_layers", "max_sequence_length")
        check_counts(self, *counts)
        check_choice(self, "positions", POSITIONS)
        check_choice(self, "normalization", NORMALIZATIONS)
        get_activation(self.activation)
        check_dropout(self)
        check_heads(self)
        check_pad_id(self)
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
        c, policy = self.config, self.dtype_policy
        self.embedding = TokenEmbedding(
            c.vocabulary_size,
            c.hidden_dim,
            num_positions=c.max_sequence_length if c.positions == "learned" else None,
            normalization=c.normalization if c.normalize_embedding else None,
            epsilon=c.epsilon,
            dropout=c.dropout,
            stddev=c.embedding_stddev,
            name="embedding",
            dtype=policy,
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
                qk_norm=c.qk_norm,
                smear_keys=c.smear_keys,
                use_bias=c.use_bias,
                dropout=c.dropout,
                epsilon=c.epsilon,
                stddev=c.stddev,
                output_stddev=0.0 if c.zero_projections else last,
                name=f"block_{index}",
                dtype=policy,
            )
            for index in range(c.num_layers)
        ]
        self.norm = make_norm(c.normalization, c.epsilon, "norm", policy, c.use_bias)
        self.embedding.build((None, None))
        self._build_parts(*self.blocks, self.norm)
        self.head = None
        if not c.tie_embeddings:
            start = 0.0 if c.zero_projections else c.stddev
            self.head = make_dense(
                c.hidden_dim, c.vocabulary_size, "logits", use_bias=False, stddev=start, dtype=policy
            )
        self.built = True

    def _logits(self, x):
        logits = self.embedding.logits(x) if self.head is None else ops.cast(self.head(x), "float32")
        cap = self.config.logit_soft_cap
        return logits if cap is None else cap * ops.tanh(logits / cap)
