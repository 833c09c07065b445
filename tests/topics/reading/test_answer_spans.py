from __future__ import annotations

import random

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.reading.answer_spans import AnswerSpans, token_span, window

QUESTIONS = [[5, 6], [7], [8], [9, 5]]
TEXTS = [[10, 11, 12], [13, 14, 15, 16, 17, 18, 19], [20], [21, 22]]
SPANS = [(1, 2), (5, 6), None, (0, 0)]


def make(**changes):
    options = {"tokens_per_batch": 24, "widths": (8, 12), **changes}
    return AnswerSpans(QUESTIONS, TEXTS, SPANS, SpecialIds(first_id=2, end_id=3), **options)


def rows_of(batches):
    for (ids, segments), y, w in batches:
        for row in zip(ids.numpy(), segments.numpy(), y.numpy(), w.numpy(), strict=True):
            if row[3].any():
                yield row
            else:
                assert not row[0].any()


def test_each_epoch_has_every_question_once_with_its_answer():
    data = make()
    assert data.lost == 0 and data.starts.tolist() == [4, 3, 3, 4] and data.lengths.tolist() == [3, 7, 1, 2]
    for epoch in range(2):
        found = {}
        for ids, segments, (first, last), _ in rows_of(data.dataset(epoch * data.steps_per_epoch)):
            question = tuple(ids[(segments == 0) & (ids > 3)].tolist())
            found[question] = ids[first : last + 1].tolist()
        assert found == {(5, 6): [11, 12], (7,): [18, 19], (8,): [2], (9, 5): [21]}


def test_batches_depend_on_their_number_alone():
    data = make(seed=3)
    whole = [y.numpy().tolist() for _, y, _ in data.dataset(0, 6)]
    assert [y.numpy().tolist() for _, y, _ in data.dataset(4, 2)] == whole[4:]


def test_an_answer_that_is_cut_off_counts_for_nothing():
    data = make(widths=(8,))
    assert data.lost == 1 and data.lengths.tolist() == [3, 4, 1, 2]
    assert sum(float(w.numpy()[:, 0].sum()) for _, _, w in data.dataset()) == 3


def test_each_gives_the_values_in_order():
    data = make()
    kept = data.each(lambda ids, segments: ids * segments)
    texts = [row[start : start + length] for row, start, length in zip(kept, data.starts, data.lengths, strict=True)]
    assert [text.tolist() for text in texts] == TEXTS


def test_wrong_examples_are_refused():
    with pytest.raises(LmbookError, match="3 questions, 4 texts"):
        AnswerSpans(QUESTIONS[:3], TEXTS, SPANS, SpecialIds(), tokens_per_batch=24, widths=(12,))
    with pytest.raises(LmbookError, match="answer \\(2, 1\\) of question 0"):
        AnswerSpans([[5]], [[6, 7, 8]], [(2, 1)], SpecialIds(), tokens_per_batch=24, widths=(12,))


def test_token_span():
    places = [(0, 3), (4, 6), (6, 9), (10, 11)]  # "The re##ader ."
    assert token_span(places, 4, 9) == (1, 2)
    assert token_span(places, 7, 8) == (2, 2)
    assert np.diff(token_span(places, 0, 11)) == 3
    with pytest.raises(LmbookError, match="No token holds the characters 3 to 4"):
        token_span(places, 3, 4)


@pytest.mark.parametrize(("length", "span"), [(5, (1, 2)), (40, (0, 3)), (40, (37, 39)), (40, (12, 21)), (40, None)])
def test_window_holds_the_answer_at_any_place(length, span):
    draw, firsts = random.Random(0), set()
    for _ in range(300):
        first, last = window(length, span, 10, draw)
        assert 0 <= first < last <= length and last - first == min(10, length)
        assert span is None or (first <= span[0] and span[1] < last)
        firsts.add(first)
    if length == 5:
        assert firsts == {0}
    elif span is None:
        assert firsts == set(range(31))
    else:
        assert firsts == {n for n in range(31) if n <= span[0] and span[1] < n + 10}


def test_an_answer_longer_than_the_window_keeps_its_beginning():
    assert window(40, (5, 30), 10, random.Random(0)) == (5, 15)
