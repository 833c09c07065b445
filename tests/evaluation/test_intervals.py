import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.intervals import auc_interval, bootstrap, mcnemar_test, mean_sd


def difference(a, b):
    return float(np.mean(a) - np.mean(b))


def test_spread_of_runs_is_that_of_a_sample():
    assert mean_sd([1.0, 2.0, 3.0, 6.0]) == (3.0, pytest.approx(np.sqrt(14 / 3)))
    assert mean_sd([2.0]) == (2.0, None)


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    found = bootstrap(np.mean, values)
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_intervals_cover_the_true_value_about_as_often_as_they_say():
    rng = np.random.default_rng(2)
    intervals = [bootstrap(np.mean, rng.uniform(0, 1, 60), resamples=300, seed=n) for n in range(200)]
    assert 0.89 <= np.mean([one.low <= 0.5 <= one.high for one in intervals]) <= 0.99


def test_the_same_examples_are_drawn_for_both_systems():
    hard = np.random.default_rng(3).normal(size=200)
    found = bootstrap(difference, hard + 0.1, hard)
    assert found.value == pytest.approx(0.1) and found.high - found.low == pytest.approx(0, abs=1e-9)


def test_a_seed_gives_the_draws_that_the_recorded_figures_have():
    right = np.array(["ham", "spam", "ham", "spam", "ham", "ham", "spam"])
    answered = np.array(["ham", "spam", "spam", "spam", "ham", "ham", "ham"])
    accuracy = lambda a, b: float((a == b).mean())  # noqa: E731
    rng = np.random.default_rng(5)
    by_hand = [accuracy(right[rows], answered[rows]) for rows in (rng.integers(0, 7, 7) for _ in range(300))]
    found = bootstrap(accuracy, right, answered, confidence=0.9, resamples=300, seed=5)
    assert (found.value, found.low, found.high) == pytest.approx((5 / 7, *np.quantile(by_hand, [0.05, 0.95])))
    assert found == bootstrap(accuracy, right, answered, confidence=0.9, resamples=300, seed=5)


def test_systems_that_are_alike_are_not_called_different():
    scores = np.random.default_rng(4).normal(size=50)
    assert mcnemar_test(scores > 0, scores > 0) == 1.0


def test_mcnemar_counts_only_where_they_differ():
    first = [True] * 9 + [False] + [True] * 1000
    second = [False] * 9 + [True] + [True] * 1000
    assert mcnemar_test(first, second) == pytest.approx(2 * (1 + 10) / 2**10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap(np.mean, []), "0 examples"),
        (lambda: bootstrap(difference, [1.0], [1.0, 2.0]), "1 and 2"),
        (lambda: bootstrap(np.mean, [1.0], confidence=95), "confidence is 95"),
        (lambda: bootstrap(np.mean, [1.0]), "1 examples.*at least 2"),
        (lambda: mcnemar_test([], []), "0 and 0"),
    ],
)
def test_what_cannot_be_compared_is_named(call, message):
    with pytest.raises(LmbookError, match=message):
        call()


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(0)
    positive, scores = rng.random(80) < 0.4, rng.normal(size=80)
    found = auc_interval(positive, scores + positive)
    pairs = [a > b for a in (scores + 1)[positive] for b in scores[~positive]]
    assert found.value == pytest.approx(np.mean(pairs)) and found.low < found.value < found.high
    assert auc_interval([True] * 3, [1, 2, 3]).value == 0.5
