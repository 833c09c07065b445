"""Attention: each position looks at the others and takes what it needs."""

from __future__ import annotations

import keras
from keras import ops

from lmbook.errors import LmbookError
from lmbook.layers.dense import built_dense
from lmbook.layers.positions import BASE, rotate

MASKED = -1e9  # added to a score in float32: exp of it is 0, and a row that may look nowhere stays a number


def attend(query, key, value, mask=None, dropout=None):
    """Scaled dot-product attention: softmax(Q K^T / sqrt(K)) V.

    Args:
        query: [B, H, T, K].
        key: [B, G, S, K]; H / G heads of the query share one head of key and value (G = H: plain attention; G = 1:
            multi-query, Shazeer 2019; between: grouped-query, Ainslie et al. 2023).
        value: [B, G, S, K].
        mask: bool, may be broadcast to [B, T, S]; True: position t may look at s. None: everywhere.
        dropout: function of the weights, or None.

    Returns:
        (what is taken [B, H, T, K], the weights [B, H, T, S], float32; over S they sum to 1).

    Reference:
        Vaswani et al. 2017, "Attention is all you need", equation 1.
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = ops.repeat(key, groups, axis=1), ops.repeat(value, groups, axis=1)
    scores = ops.einsum("bhtk,bhsk->bhts", query, key)  # Q K^T; on a CPU, XLA copies a key that swapaxes turned
    scores = ops.cast(scores, "float32") * query.shape[-1] ** -0.5
    if mask is not None:
        mask = mask if len(mask.shape) == 2 else ops.expand_dims(mask, 1)  # one mask for all heads
        scores = ops.where(mask, scores, MASKED)
    weights = ops.softmax(scores, axis=-1)
    used = ops.cast(weights if dropout is None else dropout(weights), value.dtype)
    return ops.matmul(used, value), weights


def causal_mask(length, keys=None, position=0):
    """True where position t of [T, S] may look at s: at itself and at what came before.

    Args:
        length: T, queries.
        keys: S; None: as many as queries.
        position: the place of the first query among the keys.
    """
    t = ops.arange(length)[:, None] + position
    return ops.arange(length if keys is None else keys)[None, :] <= t


@keras.saving.register_keras_serializable("lmbook")
class MultiHeadAttention(keras.layers.Layer):
    """Several attentions side by side, each on its own small projection of the input.

    Args:
        num_heads: H.
        num_key_value_heads: G, a divisor of H; None: H.
        head_dim: K; None: D / H.
        rotary: turn queries and keys by their positions (`positions.rotate`).
        normalize: give queries and keys the root mean square 1 before they meet (Henry et al. 2020, "Query-key
            normalization for Transformers"); after `rotary`, which keeps lengths, or before is the same.
        smear_keys: each key is mixed with that of the token before it, in a share that each head learns, from one half
            on. So a head can look for what follows a word, without another block that tells each token what stands
            before it (Olsson et al. 2022, "In-context learning and induction heads", "smeared key"). For attention to
            what came before alone.
        use_bias: projections have a bias.
        dropout: share of the weights set to zero in training.
        rotary_base: of the angles of `rotary`.
        stddev: how far the projections' weights spread at the start, see `built_dense`.
        output_stddev: the same of the last projection; None: as the others.

    Call:
        x [B, T, D] (and memory [B, S, D] for cross-attention; None: x itself) -> [B, T, D].

    Example:
        layer = MultiHeadAttention(num_heads=8)
        y = layer(x, attention_mask=causal_mask(x.shape[1]))
        y, weights = layer(x, memory=encoded, attention_mask=real[:, None, :], return_weights=True)

    Reference:
        Vaswani et al. 2017, section 3.2.2.

    Raises:
        LmbookError: the numbers of heads do not divide each other, or the width.
    """

    def __init__(
        self,
        num_heads: int,
        *,
        num_key_value_heads: int | None = None,
        head_dim: int | None = None,
        rotary: bool = False,
        normalize: bool = False,
        smear_keys: bool = False,
        use_bias: bool = True,
        dropout: float = 0.0,
        rotary_base: float = BASE,
        stddev: float | None = None,
        output_stddev: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.num_key_value_heads = num_heads, num_key_value_heads or num_heads
        self.head_dim, self.rotary, self.normalize = head_dim, rotary, normalize
        self.use_bias, self.dropout, self.rotary_base = use_bias, dropout, rotary_base
        self.smear_keys, self.stddev, self.output_stddev = smear_keys, stddev, output_stddev
        if num_heads % self.num_key_value_heads:
            raise LmbookError(
                f"num_heads={num_heads} is not a multiple of num_key_value_heads={num_key_value_heads}.",
                f"Choose a divisor of {num_heads}.",
            )
        self._drop = keras.layers.Dropout(dropout) if dropout else None

    def build(self, x_shape, memory_shape=None):
        width = x_shape[-1]
        if self.head_dim is None and width % self.num_heads:
            raise LmbookError(
                f"hidden_dim={width} is not a multiple of num_heads={self.num_heads}.",
                f"Choose a width that is, for example {width - width % self.num_heads or self.num_heads}.",
            )
        self._width = self.head_dim or width // self.num_heads  # K

        def projection(units, name, rows=width, stddev=self.stddev):
            return built_dense(rows, units, name, use_bias=self.use_bias, stddev=stddev, dtype=self.dtype_policy)

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
        """`position`: the place in the text of the first of `x`, for `rotary`."""
        key, value = self.keys_and_values(x if memory is None else memory, position)
        return self.look(x, key, value, attention_mask, position, training, return_weights)

    def keys_and_values(self, memory, position=0):
        """What can be looked at: memory [B, S, D] -> key and value, each [B, G, S, K].

        A decoder computes them once for each token and keeps them: that is the whole cache.
        """
        key = self._heads(self.key_projection(memory), self.num_key_value_heads)
        return self._placed(key, position), self._heads(self.value_projection(memory), self.num_key_value_heads)

    def look(self, x, key, value, attention_mask=None, position=0, training=False, return_weights=False):
        """Let x [B, T, D] look at key and value [B, G, S, K]; gives [B, T, D], on request also weights [B, H, T, S]."""
        query = self._placed(self._heads(self.query_projection(x), self.num_heads), position)
        key = self._smeared(key) if self.smear_keys else key
        drop = None if self._drop is None else (lambda weights: self._drop(weights, training=training))
        taken, weights = attend(query, key, value, attention_mask, drop)
        taken = ops.swapaxes(taken, 1, 2)  # [B, T, H, K]
        taken = ops.reshape(taken, (*ops.shape(taken)[:2], self.num_heads * self._width))
        y = self.output_projection(taken)
        return (y, weights) if return_weights else y

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
        """Queries or keys [B, H, T, K], normalised and turned as the layer does."""
        if self.normalize:
            x = ops.cast(ops.rms_normalization(ops.cast(x, "float32")), x.dtype)
        return rotate(x, ops.arange(ops.shape(x)[2]) + position, self.rotary_base) if self.rotary else x

    def get_config(self):
        names = ("num_heads", "num_key_value_heads", "head_dim", "rotary", "normalize", "smear_keys", "use_bias")
        names += ("dropout", "rotary_base", "stddev", "output_stddev")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
