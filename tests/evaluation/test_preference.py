import random

import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.classification import wilson_interval
from lmbook.evaluation.preference import FIRST, SECOND, TIE, items_needed, preference


def test_win_rate_by_hand():
    score = preference([[FIRST, FIRST, TIE, SECOND], [FIRST, None, FIRST, FIRST]])
    assert (score.wins, score.ties, score.losses) == (3, 1, 0)
    assert score.win_rate == pytest.approx((1 + 1 + 0.75 + 0.5) / 4)
    assert (score.low, score.high) == wilson_interval(3.25, 4)
    assert score.p_value == pytest.approx(2 * 0.5**3)


def test_the_other_system_has_the_other_half():
    rows = [[random.Random(rater).choice((FIRST, TIE, SECOND)) for _ in range(9)] for rater in range(3)]
    one, other = preference(rows), preference([[-value for value in row] for row in rows])
    assert one.win_rate == pytest.approx(1 - other.win_rate) and one.low == pytest.approx(1 - other.high)
    assert (one.wins, one.p_value) == (other.losses, other.p_value)


def test_a_second_opinion_on_the_same_items_is_no_new_item():
    row = [FIRST] * 14 + [SECOND] * 6
    assert preference([row, row, row]) == preference([row])


def test_ties_alone_decide_nothing():
    score = preference([[TIE, TIE]])
    assert score.win_rate == 0.5 and score.p_value == 1.0


def test_items_needed_have_the_power_by_simulation():
    from scipy.stats import binomtest

    n, chance = items_needed(0.7), random.Random(0)
    wins = [sum(chance.random() < 0.7 for _ in range(n)) for _ in range(2000)]
    p_values = {k: binomtest(k, n).pvalue for k in set(wins)}
    assert 0.77 < sum(p_values[k] <= 0.05 for k in wins) / 2000 < 0.85
    assert items_needed(0.6) > items_needed(0.7) > items_needed(0.9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preference([[None], [None]]), "no judgements"),
        (lambda: preference([[1], [1, 0]]), "different lengths"),
        (lambda: items_needed(0.5), "0.5"),
        (lambda: items_needed(0.51, most=100), "not enough"),
    ],
)
def test_what_cannot_be_used_is_named(call, message):
    with pytest.raises(LmbookError, match=message):
        call()
