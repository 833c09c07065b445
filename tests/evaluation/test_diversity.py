import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.diversity import distinct_n


def test_distinct_n_by_hand():
    texts = [["a", "b", "a", "b"], ["a", "c"]]
    assert distinct_n(texts, 1) == 3 / 6
    assert distinct_n(texts, 2) == 3 / 4  # ab ba ab | ac: no pair runs from one text into the next
    assert distinct_n(texts, 4) == 1.0


def test_too_short_texts_are_refused():
    with pytest.raises(LmbookError, match="3 tokens"):
        distinct_n([["a", "b"]], 3)
