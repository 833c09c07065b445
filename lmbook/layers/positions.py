"""Encodings of position: without them, attention does not know the order of the tokens."""

from __future__ import annotations

from keras import ops

ROPE_BASE = 10_000.0  # the longest wave has about 2 pi times as many tokens


def frequencies(count: int, base: float = ROPE_BASE):
    """Angles per token, from 1 down to about 1 / base: base^(-i / count) for i = 0 … count - 1; float32 [count]."""
    return base ** (-ops.arange(count, dtype="float32") / count)


def sinusoidal(positions, width: int, base: float = ROPE_BASE):
    """Sines and cosines of the positions at wave lengths from 2 pi to 2 pi base: positions [T] -> float32 [T, width].

    The first half of the width holds the sines, the second the cosines (the paper alternates them; the order makes no
    difference, since the layers that follow are learned). The width must be even.

    Reference:
        Vaswani et al. 2017, section 3.5.
    """
    angles = ops.cast(positions, "float32")[:, None] * frequencies(width // 2, base)  # [T, D / 2]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def apply_rotary(x, positions, base: float = ROPE_BASE):
    """Rotate each pair (x_i, x_{i + K/2}) by an angle that grows with the position: x [B, H, T, K], positions [T].

    The product of a query rotated by t and a key rotated by s depends on t - s alone: relative positions without any
    weights. Lengths are preserved. K must be even.

    Reference:
        Su et al. 2021, "RoFormer: enhanced Transformer with rotary position embedding", equation 34, with the pairs of
        GPT-NeoX.
    """
    half = x.shape[-1] // 2
    angles = ops.cast(positions, "float32")[:, None] * frequencies(half, base)  # [T, K / 2]
    cos, sin = ops.cast(ops.cos(angles), x.dtype), ops.cast(ops.sin(angles), x.dtype)
    first, second = x[..., :half], x[..., half:]
    return ops.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
