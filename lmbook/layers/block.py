"""The block that Transformers are stacks of."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.attention import MultiHeadAttention, causal_mask
from lmbook.layers.feed_forward import FeedForward
from lmbook.layers.positions import BASE

NORMALIZATIONS = ("layer", "rms")
ORDERS = ("pre", "post")


@keras.saving.register_keras_serializable("lmbook")
class TransformerBlock(keras.layers.Layer):
    """Attention to the own sequence, attention to another one where there is one, then the feed-forward layers.

    Each of them is added to what was there before (a residual) and normalised: after the addition ("post", Vaswani et
    al. 2017) or before the part ("pre": x + part(norm(x)); Xiong et al. 2020 show why it trains without warm-up).

    Args:
        num_heads, intermediate_dim, num_key_value_heads, activation, rotary, rotary_base, normalize_heads, smear_keys,
            stddev, output_stddev: see `MultiHeadAttention` and `FeedForward`.
        causal: a position sees itself and what came before, nothing after.
        cross_attention: there is a second attention, to the output of an encoder.
        use_bias: of the projections, and the shift of a LayerNorm.
        normalization: "layer" (Ba et al. 2016) or "rms" (Zhang and Sennrich 2019).
        order: "pre" or "post".
        dropout: share of activations set to zero in training, of each part's output and of the attention's weights.
        epsilon: added to the variance.

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
        order: str = "pre",
        rotary: bool = False,
        normalize_heads: bool = False,
        smear_keys: bool = False,
        use_bias: bool = True,
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        rotary_base: float = BASE,
        stddev: float | None = None,
        output_stddev: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value, known in (("normalization", normalization, NORMALIZATIONS), ("order", order, ORDERS)):
            if value not in known:
                raise LmbookError(f"{name}={value!r} is not known.", f"Choose one of {', '.join(known)}.")
        self._settings = {
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim,
            "causal": causal,
            "cross_attention": cross_attention,
            "num_key_value_heads": num_key_value_heads,
            "activation": activation,
            "normalization": normalization,
            "order": order,
            "rotary": rotary,
            "normalize_heads": normalize_heads,
            "smear_keys": smear_keys,
            "use_bias": use_bias,
            "dropout": dropout,
            "epsilon": epsilon,
            "rotary_base": rotary_base,
            "stddev": stddev,
            "output_stddev": output_stddev,
        }
        self.causal, self.order = causal, order
        heads = {"num_key_value_heads": num_key_value_heads, "use_bias": use_bias, "dropout": dropout}
        heads |= {"normalize": normalize_heads, "dtype": self.dtype_policy}
        start = {"stddev": stddev, "output_stddev": output_stddev}
        heads |= start
        self.attention = MultiHeadAttention(
            num_heads, rotary=rotary, rotary_base=rotary_base, smear_keys=smear_keys, name="attention", **heads
        )
        self.cross = MultiHeadAttention(num_heads, name="cross_attention", **heads) if cross_attention else None
        self.feed_forward = FeedForward(
            intermediate_dim, activation, use_bias, name="feed_forward", dtype=self.dtype_policy, **start
        )
        parts = ["attention", *(["cross_attention"] if cross_attention else []), "feed_forward"]
        self.norms = [make_norm(normalization, epsilon, f"{part}_norm", self.dtype_policy, use_bias) for part in parts]
        self.drops = [keras.layers.Dropout(dropout, name=f"{part}_dropout") for part in parts]

    def build(self, x_shape, memory_shape=None):
        self.attention.build(x_shape)
        if self.cross is not None:
            self.cross.build(x_shape, x_shape if memory_shape is None else memory_shape)
        self.feed_forward.build(x_shape)
        for norm in self.norms:
            norm.build(x_shape)
        self.built = True

    def call(self, x, padding_mask=None, memory=None, memory_padding_mask=None, training=False, return_weights=False):
        """On request also the weights of the attention [B, H, T, T] and of the cross-attention, in a list."""
        allowed = None if padding_mask is None else ops.expand_dims(padding_mask, 1)  # [B, 1, S]
        if self.causal:
            earlier = causal_mask(ops.shape(x)[1])
            allowed = earlier if allowed is None else ops.logical_and(allowed, earlier)
        keys_values = None if self.cross is None else self.cross.keys_and_values(memory)
        weights = []

        def attention(x):
            y, seen = self.attention(x, attention_mask=allowed, training=training, return_weights=True)
            weights.append(seen)
            return y

        x = self._forward(x, attention, self._cross(keys_values, memory_padding_mask, training, weights), training)
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
        after = []

        def attention(x):
            new = self.attention.keys_and_values(x, position)
            start = (0, 0, position, 0)
            after.extend(ops.slice_update(old, start, value) for old, value in zip(cache, new, strict=True))
            earlier = causal_mask(ops.shape(x)[1], after[0].shape[2], position)
            return self.attention.look(x, *after, earlier, position)

        x = self._forward(x, attention, self._cross(memory_cache, memory_padding_mask, False, []), False)
        return x, tuple(after)

    def empty_cache(self, batch_size: int, length: int):
        """Room for the keys and values of `length` tokens."""
        heads, width = self.attention.num_key_value_heads, self.attention._width
        return tuple(ops.zeros((batch_size, heads, length, width), self.compute_dtype) for _ in range(2))

    def memory_cache(self, memory):
        """The keys and values of an encoder's output [B, S, D], computed once for a whole text."""
        return self.cross.keys_and_values(memory)

    def _cross(self, keys_values, memory_padding_mask, training, weights):
        """Function x -> what it takes from the memory; None without cross-attention."""
        if self.cross is None:
            return None
        # The mask of the memory: which of *its* tokens are real. The decoder's own has nothing to do with it.
        allowed = None if memory_padding_mask is None else ops.expand_dims(memory_padding_mask, 1)

        def look(x):
            y, seen = self.cross.look(x, *keys_values, allowed, training=training, return_weights=True)
            weights.append(seen)
            return y

        return look

    def _forward(self, x, attention, cross, training):
        parts = [attention, *([] if cross is None else [cross]), self.feed_forward]
        for part, norm, drop in zip(parts, self.norms, self.drops, strict=True):
            if self.order == "pre":
                x = x + drop(part(norm(x)), training=training)
            else:
                x = norm(x + drop(part(x), training=training))
        return x

    def get_config(self):
        return {**super().get_config(), **self._settings}


def make_norm(kind: str, epsilon: float, name: str, dtype=None, use_bias: bool = True) -> keras.layers.Layer:
    """LayerNorm: mean 0, variance 1, then a gain and a shift (`use_bias`); or RMSNorm: root mean square 1, a gain."""
    if kind == "rms":
        return keras.layers.RMSNormalization(epsilon=epsilon, name=name, dtype=dtype)
    return keras.layers.LayerNormalization(epsilon=epsilon, center=use_bias, name=name, dtype=dtype)
