import math

import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.classification import classification_score, wilson_interval


def values(score):
    return (score.precision, score.recall, score.f1, score.examples)


def test_scores_by_hand():
    right = ["spam", "spam", "spam", "ham", "ham", "ham", "ham", "ham"]
    answered = ["spam", "spam", "ham", "ham", "ham", "ham", "ham", "ham"]
    score = classification_score(right, answered)
    assert score.accuracy == 7 / 8
    assert values(score.classes["spam"]) == pytest.approx((1, 2 / 3, 4 / 5, 3))
    assert values(score.classes["ham"]) == pytest.approx((5 / 6, 1, 10 / 11, 5))
    assert values(score.macro) == pytest.approx((11 / 12, 5 / 6, (4 / 5 + 10 / 11) / 2, 8))
    assert (score.low, score.high) == wilson_interval(7, 8)


def test_a_class_that_is_never_answered_or_never_right_scores_nothing():
    score = classification_score(["a", "a", "b"], ["a", "a", "c"])
    assert list(score.classes) == ["a", "b", "c"]
    assert values(score.classes["b"]) == (0, 0, 0, 1) and values(score.classes["c"]) == (0, 0, 0, 0)
    assert score.macro.f1 == pytest.approx(1 / 3)


@pytest.mark.parametrize(("hits", "examples"), [(0, 10), (3, 10), (10, 10), (985, 1000)])
@pytest.mark.parametrize(("confidence", "z"), [(0.95, 1.959964), (0.99, 2.575829)])
def test_the_ends_of_wilsons_interval_are_just_z_standard_errors_away(hits, examples, confidence, z):
    low, high = wilson_interval(hits, examples, confidence)
    assert 0 <= low <= hits / examples <= high <= 1
    for p in (low, high):
        assert abs(hits / examples - p) == pytest.approx(z * math.sqrt(p * (1 - p) / examples), abs=1e-6)


def test_more_examples_make_the_interval_narrower():
    widths = [high - low for low, high in (wilson_interval(9 * n, 10 * n) for n in (1, 10, 100))]
    assert widths[0] > widths[1] > widths[2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: classification_score(["a"], []), "1 labels and 0 answers"),
        (lambda: classification_score([], []), "0 of 0"),
        (lambda: wilson_interval(3, 2), "3 of 2"),
        (lambda: wilson_interval(1, 2, confidence=95), "95"),
    ],
)
def test_what_cannot_be_scored_is_named(call, message):
    with pytest.raises(LmbookError, match=message):
        call()
