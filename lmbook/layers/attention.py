"""Attention: each position looks at others and takes in a weighted mean of what they hold."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.former_names import present_config
from lmbook.layers.dense import make_dense
from lmbook.layers.positions import ROPE_BASE, apply_rotary

MASKED = -1e9  # takes the place of a masked score, in float32: its exp is 0, and a row that is all masked stays finite


def attend(query, key, value, mask=None, dropout=None, return_weights=False):
    """Scaled dot-product attention: softmax(Q K^T / sqrt(K)) V.

    Args:
        query: [B, H, T, K].
        key: [B, G, S, K]; H / G heads of the query share one head of key and value (G = H: plain attention; G = 1:
            multi-query, Shazeer 2019; between: grouped-query, Ainslie et al. 2023).
        value: [B, G, S, K].
        mask: bool, broadcastable to [B, T, S]; True: position t may look at s. None: everywhere.
        dropout: function of the weights, or None.
        return_weights: give the weights too.

    Returns:
        [B, H, T, K]; on request also the weights [B, H, T, S], float32, which sum to 1 over S.

    Reference:
        Vaswani et al. 2017, "Attention is all you need", equation 1.
    """
    # Not `ops.dot_product_attention`: for TensorFlow, Keras has no fused kernel behind it but these same products, and
    # spreads the mask over [B, H, T, S] first. Measured on a CPU: as fast under XLA, without it slower by 5 to 30 %.
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = ops.repeat(key, groups, axis=1), ops.repeat(value, groups, axis=1)
    scores = ops.einsum("bhtk,bhsk->bhts", query, key)  # Q K^T; on a CPU, XLA copies a key that swapaxes turned
    scores = ops.cast(scores, "float32") * query.shape[-1] ** -0.5
    if mask is not None:
        mask = mask if len(mask.shape) == 2 else ops.expand_dims(mask, 1)  # one mask for all heads
        scores = ops.where(mask, scores, MASKED)
    weights = ops.softmax(scores, axis=-1)
    y = ops.matmul(ops.cast(weights if dropout is None else dropout(weights), value.dtype), value)
    return (y, weights) if return_weights else y


def causal_mask(length, keys=None, position=0):
    """True where position t of [T, S] may look at s: at itself and at everything before it.

    Args:
        length: T, queries.
        keys: S; None: as many as queries.
        position: index of the first query among the keys.
    """
    t = ops.arange(length)[:, None] + position
    return ops.arange(length if keys is None else keys)[None, :] <= t


@keras.saving.register_keras_serializable("lmbook")
class MultiHeadAttention(keras.layers.Layer):
    """Several attentions side by side, each on its own small projection of the input.

    A mask that Keras attaches to the input (`mask_zero` of an embedding) hides its masked positions as keys.

    Args:
        num_heads: H.
        num_key_value_heads: G, a divisor of H; None: H.
        head_dim: K; None: D / H.
        rotary: rotate queries and keys by their positions (`apply_rotary`).
        qk_norm: scale queries and keys to root mean square 1 before their product (Henry et al. 2020, "Query-key
            normalization for Transformers"). `rotary` preserves lengths, so the order of the two makes no difference.
        smear_keys: mix each key with the one before it, in a proportion that each head learns, one half at first. A
            head can then find what follows a word without another block that tells each token what precedes it (Olsson
            et al. 2022, "In-context learning and induction heads", "smeared key"). For causal self-attention only.
        use_bias: add a bias in each projection.
        dropout: share of the weights set to zero in training.
        rotary_base: of the angles of `rotary`.
        stddev: of the projections' initial weights, see `make_dense`.
        output_stddev: the same for the last projection; None: as `stddev`.

    Call:
        x [B, T, D] (and memory [B, S, D] for cross-attention; None: x itself) -> [B, T, D].

    Example:
        layer = MultiHeadAttention(num_heads=8)
        y = layer(x, attention_mask=causal_mask(x.shape[1]))
        y, weights = layer(x, memory=encoded, attention_mask=real[:, None, :], return_weights=True)

    Reference:
        Vaswani et al. 2017, section 3.2.2.

    Raises:
        LmbookError: the number of heads does not divide the width, or `num_key_value_heads` the number of heads.
    """

    def __init__(
        self,
        num_heads: int,
        *,
        num_key_value_heads: int | None = None,
        head_dim: int | None = None,
        rotary: bool = False,
        qk_norm: bool = False,
        smear_keys: bool = False,
        use_bias: bool = True,
        dropout: float = 0.0,
        rotary_base: float = ROPE_BASE,
        stddev: float | None = None,
        output_stddev: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.num_key_value_heads = num_heads, num_key_value_heads or num_heads
        self.head_dim, self.rotary, self.qk_norm = head_dim, rotary, qk_norm
        self.use_bias, self.dropout, self.rotary_base = use_bias, dropout, rotary_base
        self.smear_keys, self.stddev, self.output_stddev = smear_keys, stddev, output_stddev
        self.supports_masking = True
        if num_heads % self.num_key_value_heads:
            raise LmbookError(
                f"num_heads={num_heads} is not a multiple of num_key_value_heads={num_key_value_heads}.",
                f"Choose a divisor of {num_heads}.",
            )
        self._drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy) if dropout else None

    def build(self, x_shape, memory_shape=None):
        width = x_shape[-1]
        if self.head_dim is None and width % self.num_heads:
            raise LmbookError(
                f"hidden_dim={width} is not a multiple of num_heads={self.num_heads}.",
                f"Choose a width that is, for example {width - width % self.num_heads or self.num_heads}.",
            )
        self._width = self.head_dim or width // self.num_heads  # K

        def projection(units, name, rows=width, stddev=self.stddev):
            return make_dense(rows, units, name, use_bias=self.use_bias, stddev=stddev, dtype=self.dtype_policy)

        memory_width = width if memory_shape is None else memory_shape[-1]
        self.query_projection = projection(self.num_heads * self._width, "query")
        self.key_projection = projection(self.num_key_value_heads * self._width, "key", memory_width)
        self.value_projection = projection(self.num_key_value_heads * self._width, "value", memory_width)
        last = self.stddev if self.output_stddev is None else self.output_stddev
        self.output_projection = projection(width, "output", self.num_heads * self._width, last)
        if self.smear_keys:
            self.smear = self.add_weight(shape=(self.num_key_value_heads,), initializer="zeros", name="smear")
        self.built = True

    def call(self, x, memory=None, attention_mask=None, position=0, training=False, return_weights=False):
        """`attention_mask` as in `attend`; `position`: that of the first of `x` in the text, for `rotary`."""
        memory = x if memory is None else memory
        attention_mask = _with_attached_mask(attention_mask, memory)
        key, value = self.project_kv(memory, position)
        return self.attend_cached(x, key, value, attention_mask, position, training, return_weights)

    def project_kv(self, memory, position=0):
        """Keys and values of what can be looked at: memory [B, S, D] -> two of [B, G, S, K].

        A decoder computes them once for each token and keeps them; they are its whole cache.
        """
        key = self._heads(self.key_projection(memory), self.num_key_value_heads)
        return self._placed(key, position), self._heads(self.value_projection(memory), self.num_key_value_heads)

    def attend_cached(self, x, key, value, attention_mask=None, position=0, training=False, return_weights=False):
        """Attention of x [B, T, D] to `key` and `value` [B, G, S, K], from `project_kv`.

        Returns:
            [B, T, D]; on request also the weights [B, H, T, S].
        """
        query = self._placed(self._heads(self.query_projection(x), self.num_heads), position)
        key = self._smeared(key) if self.smear_keys else key
        drop = None if self._drop is None else (lambda weights: self._drop(weights, training=training))
        y = attend(query, key, value, attention_mask, drop, return_weights)
        y, *weights = y if return_weights else [y]
        y = ops.swapaxes(y, 1, 2)  # [B, T, H, K]
        y = self.output_projection(ops.reshape(y, (*ops.shape(y)[:2], self.num_heads * self._width)))
        return (y, *weights) if return_weights else y

    def _heads(self, x, count):
        """[B, T, count K] -> [B, count, T, K]."""
        x = ops.reshape(x, (*ops.shape(x)[:2], count, self._width))
        return ops.swapaxes(x, 1, 2)

    def _smeared(self, key):
        """Keys [B, G, S, K], each mixed with the one before it; the first with zeros."""
        before = ops.pad(key[:, :, :-1], ((0, 0), (0, 0), (1, 0), (0, 0)))
        own = ops.cast(ops.sigmoid(self.smear), key.dtype)[:, None, None]
        return own * key + (1 - own) * before

    def _placed(self, x, position):
        """Queries or keys [B, H, T, K], normalised and rotated as configured."""
        if self.qk_norm:
            x = ops.cast(ops.rms_normalization(ops.cast(x, "float32")), x.dtype)
        return apply_rotary(x, ops.arange(ops.shape(x)[2]) + position, self.rotary_base) if self.rotary else x

    def compute_output_shape(self, x_shape, memory_shape=None):
        return x_shape

    def compute_output_spec(self, *args, **kwargs):
        # By tracing `call`: `compute_output_shape` does not know of `return_weights`.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    @classmethod
    def from_config(cls, config):
        return super().from_config(present_config(config))

    def get_config(self):
        names = ("num_heads", "num_key_value_heads", "head_dim", "rotary", "qk_norm", "smear_keys", "use_bias")
        names += ("dropout", "rotary_base", "stddev", "output_stddev")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _with_attached_mask(attention_mask, memory):
    """The mask, without the positions that Keras' own mask of `memory` [B, S] hides.

    Keras hands a layer the masks of its inputs only where `call` has an argument `mask` and one tensor; its guide to
    masking names the attribute for all other layers.
    """
    attached = getattr(memory, "_keras_mask", None)
    if attached is None:
        return attention_mask
    attached = ops.expand_dims(attached, 1)  # [B, 1, S]
    return attached if attention_mask is None else ops.logical_and(attention_mask, attached)
