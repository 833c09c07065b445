"""Attention maps: the attention weights of a Transformer for one text, in every block and head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lmbook.errors import LmbookError
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.transformer import CausalLanguageModel, TransformerEncoder


class EncoderDecoderAttention(NamedTuple):
    """The attention weights of an encoder-decoder for one pair of texts, float32; each row sums to 1.

    Attributes:
        encoder: [L, H, S, S], the source at itself.
        decoder: [L, H, T, T], the target at its own past.
        cross: [L, H, T, S], the target at the source: the nearest thing to an alignment of the words.
    """

    encoder: np.ndarray
    decoder: np.ndarray
    cross: np.ndarray


def self_attention(model: CausalLanguageModel | TransformerEncoder, ids: Sequence[int]) -> np.ndarray:
    """The weights with which each position of one text attends to each other one, in every block and head.

    Args:
        model: a language model or an encoder.
        ids: T tokens, the opening `<end>` included if the model is to know that a document begins.

    Returns:
        float32 [L, H, T, T]; row t, column s: how much position t takes from position s. Each row sums to 1.

    Raises:
        LmbookError: there is no token, or one that the model does not know, or the model is of another kind.
    """
    if not isinstance(model, (CausalLanguageModel, TransformerEncoder)):
        raise LmbookError(
            f"self_attention cannot read the attention of a {type(model).__name__}.",
            "Give a GPT, a TransformerLanguageModel or a TransformerEncoder, or call encoder_decoder_attention.",
        )
    _, maps = model(_one_row(model, ids), return_weights=True)
    return _stacked(maps)


def encoder_decoder_attention(
    model: EncoderDecoder, source: Sequence[int], target: Sequence[int]
) -> EncoderDecoderAttention:
    """The weights of an encoder-decoder for one pair of texts.

    Args:
        model: trained on such pairs.
        source: S tokens that the encoder reads. Padding (0) is looked at by no one.
        target: T tokens that the decoder reads, the opening one included: row t is about what is written after token t.

    Raises:
        LmbookError: there is no token, or one that the model does not know.
    """
    source, target = _one_row(model, source), _one_row(model, target)
    _, encoder = model.encoder(source, return_weights=True)
    _, decoder = model((source, target), return_weights=True)
    own, cross = zip(*decoder, strict=True)
    return EncoderDecoderAttention(_stacked(encoder), _stacked(own), _stacked(cross))


def _one_row(model, ids: Sequence[int]) -> np.ndarray:
    """One text as a batch, int32 [1, T]."""
    row = np.asarray(ids, "int32").reshape(1, -1)
    if not row.size:
        raise LmbookError("The text is empty: there is nothing to look at.", "Give at least one token.")
    size = model.config.vocabulary_size
    if row.min() < 0 or row.max() >= size:
        wrong = int(row.min() if row.min() < 0 else row.max())
        raise LmbookError(
            f"The text has id {wrong}, but the model knows {size} tokens.",
            "Encode the text with the tokenizer that the model was trained with.",
        )
    return row


def _stacked(maps) -> np.ndarray:
    """One text's weights of each block [1, H, T, S] -> [L, H, T, S]."""
    return np.concatenate([np.asarray(weights, "float32") for weights in maps])
