import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.diversity import distinct_n, repeated_n


def test_distinct_n_by_hand():
    texts = [["a", "b", "a", "b"], ["a", "c"]]
    assert distinct_n(texts, 1) == 3 / 6
    assert distinct_n(texts, 2) == 3 / 4  # ab ba ab | ac: no pair runs from one text into the next
    assert distinct_n(texts, 4) == 1.0


def test_repeated_n_by_hand():
    texts = [["a", "b", "a", "b"], ["a", "b", "c"], ["a"]]
    # ab comes twice in the first; what others said does not count
    assert repeated_n(texts, 2) == pytest.approx((1 / 3 + 0) / 2)
    assert repeated_n(texts, 1) == pytest.approx((2 / 4 + 0 + 0) / 3)


def test_too_short_texts_are_refused():
    with pytest.raises(LmbookError, match="3 tokens"):
        distinct_n([["a", "b"]], 3)
    with pytest.raises(LmbookError, match="3 tokens"):
        repeated_n([["a", "b"]], 3)
