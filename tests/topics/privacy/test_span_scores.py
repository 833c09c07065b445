import pytest

from lmbook.errors import LmbookError
from lmbook.topics.privacy.span_scores import score_spans


def test_scores_by_hand():
    right = [[("A", 0, 2), ("B", 3, 4)], [("A", 1, 2)]]
    found = [[("A", 0, 2), ("B", 3, 5)], []]
    scores = score_spans(right, found, lambda span: span[0])
    assert (scores["A"].precision, scores["A"].recall, scores["A"].examples) == (1.0, 0.5, 2)
    assert scores["B"].f1 == 0.0
    assert scores["all"].f1 == pytest.approx(2 * 1 / (2 + 3))


def test_other_number_of_texts():
    with pytest.raises(LmbookError):
        score_spans([[]], [], lambda span: span[0])
