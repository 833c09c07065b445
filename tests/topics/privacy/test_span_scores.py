import random

import pytest
from sklearn.metrics import precision_recall_fscore_support

from lmbook.errors import LmbookError
from lmbook.topics.privacy.span_scores import score_spans


def test_scores_by_hand():
    right = [[("A", 0, 2), ("B", 3, 4)], [("A", 1, 2)]]
    found = [[("A", 0, 2), ("B", 3, 5)], []]
    scores = score_spans(right, found, lambda span: span[0])
    assert (scores["A"].precision, scores["A"].recall, scores["A"].examples) == (1.0, 0.5, 2)
    assert scores["B"].f1 == 0.0
    assert scores["all"].f1 == pytest.approx(2 * 1 / (2 + 3))


def test_scores_are_those_of_scikit_learn():
    rng = random.Random(0)
    possible = [(kind, start, end) for kind in "ABC" for start in range(4) for end in range(start + 1, 5)]
    right, found = ([rng.sample(possible, rng.randrange(6)) for _ in range(40)] for _ in range(2))
    found = [theirs + ours[::2] for theirs, ours in zip(found, right, strict=True)]
    scores = score_spans(right, found, lambda span: span[0])
    assert list(scores) == ["A", "B", "C", "all"]
    for name, score in scores.items():
        spans = [span for span in possible if name in (span[0], "all")]
        truth, answers = ([span in text for text in texts for span in spans] for texts in (right, found))
        expected = precision_recall_fscore_support(truth, answers, average="binary")[:3]
        assert (score.precision, score.recall, score.f1) == pytest.approx(expected)
        assert score.examples == sum(truth) > 0 and 0 < score.f1 < 1


def test_other_number_of_texts():
    with pytest.raises(LmbookError):
        score_spans([[]], [], lambda span: span[0])
