from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.reading.abstention import best_threshold, risk_coverage, score_abstention

CONFIDENCE = [0.9, 0.8, 0.7, 0.4]
CREDIT = [1.0, 0.0, 1.0, 0.0]
ANSWERABLE = [True, False, True, False]


def test_curve_by_hand():
    curve = risk_coverage(CONFIDENCE, CREDIT)
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert curve.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_equal_confidences_are_answered_together():
    curve = risk_coverage([0.5, 0.5, 0.5, 0.1], [1, 0, 0, 1])
    assert curve.coverage.tolist() == [0.75, 1]
    assert curve.risk == pytest.approx([2 / 3, 1 / 2])
    for order in ([1, 0, 0, 1], [0, 0, 1, 1]):
        assert risk_coverage([0.5, 0.5, 0.5, 0.1], order).area == pytest.approx(curve.area)


def test_a_perfect_order_has_the_least_area():
    rng = np.random.default_rng(0)
    credit = (rng.random(200) < 0.6).astype(float)
    best = risk_coverage(credit, credit).area
    assert best < risk_coverage(rng.random(200), credit).area < risk_coverage(-credit, credit).area


def test_decisions_by_hand():
    score = score_abstention(CONFIDENCE, CREDIT, ANSWERABLE, 0.6)
    assert score.total == 0.75  # both answerable ones right, one of two unanswerable ones left alone
    assert (score.coverage, score.risk) == (0.75, pytest.approx(1 / 3))
    assert (score.refused, score.fooled) == (0, 0.5)
    silent = score_abstention(CONFIDENCE, CREDIT, ANSWERABLE, 2)
    assert (silent.total, silent.coverage, silent.risk, silent.refused, silent.fooled) == (0.5, 0, 0, 1, 0)


def test_threshold_is_as_good_as_the_best_of_all():
    rng = np.random.default_rng(1)
    for _ in range(20):
        confidence, answerable = rng.integers(0, 8, 40) / 8, rng.random(40) < 0.6
        credit = answerable * rng.random(40)
        chosen = best_threshold(confidence, credit, answerable)
        totals = [score_abstention(confidence, credit, answerable, t).total for t in np.arange(-1, 2, 1 / 16)]
        assert score_abstention(confidence, credit, answerable, chosen).total == pytest.approx(max(totals))


def test_threshold_of_equally_good_ones_is_the_lowest():
    assert best_threshold(CONFIDENCE, CREDIT, ANSWERABLE) == pytest.approx(0.55)
    assert best_threshold([0.3, 0.6], [1, 1], [True, True]) < 0.3
    assert best_threshold([0.3, 0.6], [0, 0], [False, False]) > 0.6


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(LmbookError, match=r"\[2, 1\] entries"):
        risk_coverage([0.5, 0.6], [1])
    with pytest.raises(LmbookError, match="not a number"):
        best_threshold([float("nan")], [1], [True])
