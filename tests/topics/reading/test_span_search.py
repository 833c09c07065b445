from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.models.bert import BERTConfig, BERTReader
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.reading.answer_spans import AnswerSpans
from lmbook.topics.reading.span_search import FoundSpan, best_span, find_answers, span_text


def by_trying(logits, start, length, max_tokens):
    first, last = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    pairs = [(a, b) for a in range(length) for b in range(a, min(length, a + max_tokens))]
    return max((first[start + a] + last[start + b], a, b) for a, b in pairs)


@pytest.mark.parametrize("seed", range(10))
def test_best_span_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3, size=(2, 20)).astype("float32")
    found = best_span(logits, start=4, length=12, max_tokens=5)
    score, a, b = by_trying(logits, 4, 12, 5)
    assert (found.first, found.last) == (a, b) and found.score == pytest.approx(score, abs=1e-4)
    assert 0 <= b - a < 5


def test_tokens_outside_of_the_text_are_never_chosen():
    logits = np.zeros((2, 9), "float32")
    logits[:, [0, 2, 8]] = 50
    found = best_span(logits, start=3, length=5)
    assert 0 <= found.first <= found.last < 5 and found.none > found.score


def test_answers_come_in_the_order_of_the_questions():
    keras.utils.set_random_seed(0)
    model = BERTReader(BERTConfig(30, 16, 20, num_heads=2, num_layers=1, max_sequence_length=16, stddev=0.5))
    texts = [[10, 11, 12, 13, 14, 15], [16, 17], [18, 19, 20]]
    data = AnswerSpans([[5], [6], [7, 8]], texts, [None] * 3, SpecialIds(), tokens_per_batch=32, widths=(8, 16))
    found = find_answers(model, data)
    for number, span in enumerate(found):
        alone = AnswerSpans(
            [[[5], [6], [7, 8]][number]], [texts[number]], [None], SpecialIds(), tokens_per_batch=16, widths=(8, 16)
        )
        same = find_answers(model, alone)[0]
        assert (same.first, same.last) == (span.first, span.last) and span.last < len(texts[number])
        assert same.score == pytest.approx(span.score, abs=1e-4)


def test_words_of_an_answer_are_whole():
    text = "By Antoine Lavoisier, in 1777."
    places = [(0, 2), (3, 6), (6, 10), (11, 15), (15, 20), (20, 21), (22, 24), (25, 29), (29, 30)]
    assert span_text(text, places, FoundSpan(2, 3, 0.0, 0.0)) == "Antoine Lavoisier"
    assert span_text(text, places, FoundSpan(7, 7, 0.0, 0.0)) == "1777"
    assert span_text(text, places, FoundSpan(7, 8, 0.0, 0.0)) == "1777."
    assert span_text(text, places, FoundSpan(0, 0, 0.0, 0.0)) == "By"
