"""The residual stream: the vectors that each block of a decoder reads and adds to, from embedding to logits."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.compiled import compiled
from lmbook.models.transformer import CausalLanguageModel


def residual_stream(model: CausalLanguageModel, ids) -> np.ndarray:
    """The vectors before the first block and after each.

    Args:
        model: any decoder of the book.
        ids: int [B, T]; padding, if any, stands at the end.

    Returns:
        float32 [L + 1, B, T, D].

    Raises:
        LmbookError: the model is no decoder.

    Reference:
        Elhage et al. 2021, "A mathematical framework for Transformer circuits", for the view and the name.
    """
    _check(model)
    return compiled(model, "residual_stream", _reader)(tf.constant(ids, "int32")).numpy()


def vectors_at(model: CausalLanguageModel, ids: np.ndarray, mask: np.ndarray, batch_size: int = 100) -> np.ndarray:
    """The vectors at some positions, before the first block and after each.

    Args:
        model: any decoder of the book.
        ids: int [B, T]; padding, if any, stands at the end.
        mask: bool [B, T], True at N positions. Rows without one are not read.
        batch_size: rows that are read together.

    Returns:
        float32 [L + 1, N, D], row by row.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    pieces = [rows[first : first + batch_size] for first in range(0, len(rows), batch_size)]
    return np.concatenate([residual_stream(model, ids[piece])[:, mask[piece]] for piece in pieces], axis=1)


def continue_from(model: CausalLanguageModel, x, block: int = 0):
    """Run the rest of the model on vectors [B, T, D], read by block number `block`: logits [B, T, V].

    With `block` = L only the last normalisation and the logits are left. TensorFlow can take gradients through it.
    """
    for one in model.blocks[block:]:
        x = one(x)
    return model._logits(x if model.norm is None else model.norm(x))


def logit_lens(model: CausalLanguageModel, states: np.ndarray) -> np.ndarray:
    """What the model would predict if it stopped after each block.

    Args:
        model: a decoder.
        states: [L + 1, …, D] of `residual_stream`, or a part of them.

    Returns:
        log-probabilities float32 [L + 1, …, V].

    Reference:
        nostalgebraist 2020, "Interpreting GPT: the logit lens".
    """
    _check(model)
    look = compiled(model, "logit_lens", _lens)
    seen = [look(tf.constant(state.reshape(-1, state.shape[-1]), "float32")).numpy() for state in states]
    return np.stack([one.reshape(*states.shape[1:-1], -1) for one in seen])


def _reader(get_model):
    @tf.function(reduce_retracing=True)
    def read(ids):
        model = get_model()
        states = [model.embedding(ids)]
        for block in model.blocks:
            states.append(block(states[-1]))
        return tf.cast(tf.stack(states), "float32")

    return read


def _lens(get_model):
    @tf.function(reduce_retracing=True)
    def look(x):
        model = get_model()
        return tf.nn.log_softmax(tf.cast(continue_from(model, x, len(model.blocks)), "float32"))

    return look


def _check(model) -> None:
    if not isinstance(model, CausalLanguageModel):
        raise LmbookError(
            f"A {type(model).__name__} has no residual stream that ends in logits.",
            "Give a decoder: GPT or TransformerLanguageModel.",
        )
