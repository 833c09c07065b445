"""The block that Transformers are stacks of."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.former_names import present_config
from lmbook.layers.attention import MultiHeadAttention, causal_mask
from lmbook.layers.feed_forward import FeedForward
from lmbook.layers.positions import ROPE_BASE

NORMALIZATIONS = ("layer", "rms")


@keras.saving.register_keras_serializable("lmbook")
class TransformerBlock(keras.layers.Layer):
    """Self-attention, cross-attention where there is a memory to look at, then the feed-forward layers.

    Each part is added to its input (a residual connection) and normalised: after the addition, norm(x + part(x)), as
    in Vaswani et al. 2017; or with `normalize_first` before the part, x + part(norm(x)). Xiong et al. 2020 show why the
    latter trains without warm-up.

    Args:
        num_heads, num_key_value_heads, rotary, rotary_base, qk_norm, smear_keys: see `MultiHeadAttention`.
        intermediate_dim, activation: see `FeedForward`.
        causal: a position sees itself and what came before, nothing after.
        cross_attention: there is a second attention, to the output of an encoder.
        normalization: "layer" (Ba et al. 2016) or "rms" (Zhang and Sennrich 2019).
        normalize_first: normalise the input of each part, not the sum.
        use_bias: add a bias in each projection, and a shift in each LayerNorm.
        dropout: share of activations set to zero in training, in each part's output and in the attention's weights.
        epsilon: added to the variance.
        stddev, output_stddev: of the initial weights, see `make_dense`; the latter for the last matrix of each part.

    Call:
        x [B, T, D] -> [B, T, D]. `padding_mask` [B, T]: True at real tokens; `memory` [B, S, D] is what the
        cross-attention looks at, `memory_padding_mask` [B, S] its real tokens.

    Raises:
        LmbookError: a name is not known, or widths and heads do not fit.
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        *,
        causal: bool = False,
        cross_attention: bool = False,
        num_key_value_heads: int | None = None,
        activation: str = "relu",
        normalization: str = "layer",
        normalize_first: bool = True,
        rotary: bool = False,
        qk_norm: bool = False,
        smear_keys: bool = False,
        use_bias: bool = True,
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        rotary_base: float = ROPE_BASE,
        stddev: float | None = None,
        output_stddev: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if normalization not in NORMALIZATIONS:
            known = ", ".join(NORMALIZATIONS)
            raise LmbookError(f"normalization={normalization!r} is not known.", f"Choose one of {known}.")
        self._settings = {
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim,
            "causal": causal,
            "cross_attention": cross_attention,
            "num_key_value_heads": num_key_value_heads,
            "activation": activation,
            "normalization": normalization,
            "normalize_first": normalize_first,
            "rotary": rotary,
            "qk_norm": qk_norm,
            "smear_keys": smear_keys,
            "use_bias": use_bias,
            "dropout": dropout,
            "epsilon": epsilon,
            "rotary_base": rotary_base,
            "stddev": stddev,
            "output_stddev": output_stddev,
        }
        self.causal, self.normalize_first, self.supports_masking = causal, normalize_first, True
        policy = self.dtype_policy
        start = {"use_bias": use_bias, "stddev": stddev, "output_stddev": output_stddev, "dtype": policy}
        heads = {"num_key_value_heads": num_key_value_heads, "qk_norm": qk_norm, "dropout": dropout, **start}
        self.attention = MultiHeadAttention(
            num_heads, rotary=rotary, rotary_base=rotary_base, smear_keys=smear_keys, name="attention", **heads
        )
        self.cross = MultiHeadAttention(num_heads, name="cross_attention", **heads) if cross_attention else None
        self.feed_forward = FeedForward(intermediate_dim, activation, name="feed_forward", **start)
        parts = ["attention", *(["cross_attention"] if cross_attention else []), "feed_forward"]
        self.norms = [make_norm(normalization, epsilon, f"{part}_norm", policy, use_bias) for part in parts]
        self.drops = [keras.layers.Dropout(dropout, name=f"{part}_dropout", dtype=policy) for part in parts]

    def build(self, x_shape, memory_shape=None):
        self.attention.build(x_shape)
        if self.cross is not None:
            self.cross.build(x_shape, x_shape if memory_shape is None else memory_shape)
        self.feed_forward.build(x_shape)
        for norm in self.norms:
            norm.build(x_shape)
        self.built = True

    def call(self, x, padding_mask=None, memory=None, memory_padding_mask=None, training=False, return_weights=False):
        """On request also a list of the weights of the attention [B, H, T, T] and of the cross-attention."""
        allowed = _as_keys(padding_mask)
        if self.causal:
            earlier = causal_mask(ops.shape(x)[1])
            allowed = earlier if allowed is None else ops.logical_and(allowed, earlier)
        options = {"training": training, "return_weights": return_weights}
        y = self.attention(self._read(x, 0), attention_mask=allowed, **options)
        y, *weights = y if return_weights else [y]
        x = self._add(x, y, 0, training)
        if self.cross is not None:
            # The mask of the memory: which of *its* tokens are real. The decoder's own has nothing to do with it.
            y = self.cross(self._read(x, 1), memory=memory, attention_mask=_as_keys(memory_padding_mask), **options)
            y, *cross_weights = y if return_weights else [y]
            x, weights = self._add(x, y, 1, training), [*weights, *cross_weights]
        x = self._add(x, self.feed_forward(self._read(x, -1)), -1, training)
        return (x, weights) if return_weights else x

    def step(self, x, cache, position, memory_cache=None, memory_padding_mask=None):
        """Read on: x [B, T, D] are the tokens from place `position` on, the earlier ones are in the cache.

        Args:
            x: [B, T, D].
            cache: keys and values of all places, each [B, G, S, K], from `empty_cache`.
            position: how many tokens the cache holds; T more must fit into it.
            memory_cache: from `memory_cache`, for cross-attention.
            memory_padding_mask: [B, M], True at real tokens of the memory.

        Returns:
            ([B, T, D], the cache with these tokens in it).
        """
        read = self._read(x, 0)
        new = self.attention.project_kv(read, position)
        cache = tuple(ops.slice_update(old, (0, 0, position, 0), part) for old, part in zip(cache, new, strict=True))
        earlier = causal_mask(ops.shape(x)[1], cache[0].shape[2], position)
        x = self._add(x, self.attention.attend_cached(read, *cache, earlier, position), 0)
        if self.cross is not None:
            real = _as_keys(memory_padding_mask)
            x = self._add(x, self.cross.attend_cached(self._read(x, 1), *memory_cache, real), 1)
        return self._add(x, self.feed_forward(self._read(x, -1)), -1), cache

    def _read(self, x, part):
        """What part number `part` reads of x."""
        return self.norms[part](x) if self.normalize_first else x

    def _add(self, x, y, part, training=False):
        """x + y, the output of part number `part`."""
        x = x + self.drops[part](y, training=training)
        return x if self.normalize_first else self.norms[part](x)

    def empty_cache(self, batch_size: int, length: int):
        """Room for the keys and values of `length` tokens."""
        heads, width = self.attention.num_key_value_heads, self.attention._width
        return tuple(ops.zeros((batch_size, heads, length, width), self.compute_dtype) for _ in range(2))

    def memory_cache(self, memory):
        """The keys and values of an encoder's output [B, S, D], computed once for a whole text."""
        return self.cross.project_kv(memory)

    def compute_output_shape(self, x_shape, memory_shape=None):
        return x_shape

    def compute_output_spec(self, *args, **kwargs):
        # By tracing `call`: `compute_output_shape` does not know of `return_weights`.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    @classmethod
    def from_config(cls, config):
        return super().from_config(present_config(config))

    def get_config(self):
        return {**super().get_config(), **self._settings}


def _as_keys(padding_mask):
    """Which positions may be looked at: [B, S] -> [B, 1, S]; None stays None."""
    return None if padding_mask is None else ops.expand_dims(padding_mask, 1)


def make_norm(kind: str, epsilon: float, name: str, dtype=None, use_bias: bool = True) -> keras.layers.Layer:
    """LayerNorm ("layer"): mean 0, variance 1, then a gain and a shift (`use_bias`). RMSNorm ("rms"): a gain alone."""
    if kind == "rms":
        norm = keras.layers.RMSNormalization(epsilon=epsilon, name=name, dtype=dtype)
        norm.supports_masking = True  # it treats each position alone, as LayerNormalization does, which says so
        return norm
    return keras.layers.LayerNormalization(epsilon=epsilon, center=use_bias, name=name, dtype=dtype)
