import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.calibration_error import Bin, calibration


def two(p):
    return np.stack([1 - np.asarray(p), np.asarray(p)], axis=1)


def test_by_hand():
    found = calibration(two([0.9, 0.9, 0.6, 0.2]), [1, 0, 1, 0], bins=10)
    assert found.bins == (
        Bin(pytest.approx(0.6), 1.0, 1),
        Bin(pytest.approx(0.8), 1.0, 1),
        Bin(pytest.approx(0.9), 0.5, 2),
    )
    assert found.error == pytest.approx((0.4 + 0.2 + 2 * 0.4) / 4)
    assert found.brier == pytest.approx(2 * (0.1**2 + 0.9**2 + 0.4**2 + 0.2**2) / 4)
    assert found.nats == pytest.approx(-np.log([0.9, 0.1, 0.6, 0.8]).mean())


def test_probabilities_that_come_true_have_almost_no_error_and_sharper_ones_have_more():
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 1, 40_000)
    classes = (rng.uniform(size=len(p)) < p).astype(int)
    sharper = p**3 / (p**3 + (1 - p) ** 3)
    honest, sure = calibration(two(p), classes), calibration(two(sharper), classes)
    assert honest.error < 0.01 < 0.05 < sure.error
    assert honest.brier < sure.brier and honest.nats < sure.nats


def test_certain_and_right_is_perfect_and_in_the_last_bin():
    found = calibration(two([1.0, 0.0]), [1, 0])
    assert found.bins == (Bin(1.0, 1.0, 2),)
    assert (found.error, found.brier, found.nats) == (0, 0, 0)


@pytest.mark.parametrize(
    ("probabilities", "classes", "bins", "message"),
    [
        ([[0.5, 0.5]], [0, 1], 10, r"\(1, 2\) do not fit 2"),
        (np.zeros((0, 2)), [], 10, "do not fit 0"),
        ([[0.5, 0.5]], [2], 10, "0 to 1"),
        ([[2.0, 5.0]], [0], 10, "its sum is 7"),
        ([[-0.5, 1.5]], [0], 10, "no distribution"),
        ([[np.nan, 0.5]], [0], 10, "no distribution"),
        ([[0.5, 0.5]], [0], 0, "bins is 0"),
    ],
)
def test_what_cannot_be_compared_is_named(probabilities, classes, bins, message):
    with pytest.raises(LmbookError) as error:
        calibration(np.array(probabilities), classes, bins)
    assert error.match(message) or message in error.value.fix
