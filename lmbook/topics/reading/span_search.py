"""From a reader's logits to the answer: the best pair of a first and a last token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.models.compiled import compiled
from lmbook.topics.reading.answer_spans import AnswerSpans


@dataclass(frozen=True)
class FoundSpan:
    """An answer found in a text.

    Attributes:
        first, last: its tokens, counted from the first one of the text.
        score: log-probability of its first token plus that of its last one.
        none: the same of there being no answer (the first token of the row).
    """

    first: int
    last: int
    score: float
    none: float


def best_span(logits: np.ndarray, start: int, length: int, max_tokens: int = 30) -> FoundSpan:
    """The span with the highest score that begins before it ends, in the text, and is not longer than `max_tokens`.

    Args:
        logits: [2, T], of the first and of the last token, as of `BERTReader`.
        start: where in the row the text begins.
        length: tokens of the text, at least 1.
        max_tokens: of an answer.

    Reference:
        Devlin et al. 2019, section 4.2.
    """
    first, last = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    sums = first[start : start + length, None] + last[None, start : start + length]  # [first, last]
    places = np.arange(length)
    distance = places[None, :] - places[:, None]
    sums = np.where((distance >= 0) & (distance < max_tokens), sums, -np.inf)
    a, b = np.unravel_index(int(sums.argmax()), sums.shape)
    return FoundSpan(int(a), int(b), float(sums[a, b]), float(first[0] + last[0]))


def find_answers(model: keras.Model, data: AnswerSpans, max_tokens: int = 30) -> list[FoundSpan]:
    """The best span of every question of `data`, by a `BERTReader`."""

    def reader(get_model):
        return tf.function(lambda ids, segments: get_model()((ids, segments), training=False), reduce_retracing=True)

    logits = data.each(compiled(model, "spans", reader))
    return [best_span(*row, max_tokens) for row in zip(logits, data.starts, data.lengths, strict=True)]


def span_text(text: str, places: Sequence[tuple[int, int]], span: FoundSpan) -> str:
    """The words of an answer, each whole, also where the span begins or ends inside of one.

    Args:
        text: where the answer stands.
        places: (first character, the one after its last) of each of its tokens.
        span: the tokens.
    """
    first, last = places[span.first][0], places[span.last][1]
    while first and text[first - 1].isalnum() and text[first].isalnum():
        first -= 1
    while last < len(text) and text[last - 1].isalnum() and text[last].isalnum():
        last += 1
    return text[first:last]
