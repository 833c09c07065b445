"""The fit finds the law that made the losses, and is not moved by a run that went wrong."""

from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.scaling.scaling_law import CHINCHILLA, ScalingLaw, fit_scaling_law, resampled_laws

TRUE = ScalingLaw(floor=0.7, a=30.0, b=400.0, alpha=0.6, beta=0.5)
N, D = (axis.ravel() for axis in np.meshgrid([5e3, 1e4, 3e4, 1e5], [1e5, 3e5, 1e6, 3e6]))
LOSSES = TRUE(N, D)
FEW = ((0.6, 0.6, 0.9),)  # starts


def test_it_finds_the_law():
    law = fit_scaling_law(N, D, LOSSES)
    assert law.floor == pytest.approx(TRUE.floor, abs=2e-3)
    assert law.alpha == pytest.approx(TRUE.alpha, abs=0.02) and law.beta == pytest.approx(TRUE.beta, abs=0.02)
    assert law(1e6, 1e7) == pytest.approx(TRUE(1e6, 1e7), abs=2e-3)


def test_it_finds_the_law_of_chinchilla():
    sizes, tokens = N * 1e5, D * 1e5
    law = fit_scaling_law(sizes, tokens, CHINCHILLA(sizes, tokens))
    assert law.alpha == pytest.approx(0.34, abs=0.02) and law.beta == pytest.approx(0.28, abs=0.02)
    assert law.floor == pytest.approx(1.69, abs=0.05)


def test_one_bad_run_moves_it_little():
    losses = LOSSES.copy()
    losses[5] *= 1.3
    assert fit_scaling_law(N, D, losses).floor == pytest.approx(TRUE.floor, abs=0.01)


def test_a_known_floor_is_kept():
    law = fit_scaling_law(N, D, LOSSES, floor=0.7, starts=FEW)
    assert law.floor == 0.7 and law.alpha == pytest.approx(0.6, abs=1e-2)


def test_the_best_size_is_better_than_its_neighbours():
    flops = 1e12
    size, tokens = TRUE.best(flops)
    assert 6 * size * tokens == pytest.approx(flops)
    for other in (0.8 * size, 1.25 * size):
        assert TRUE(other, flops / 6 / other) > TRUE(size, tokens)
    assert TRUE.best(10 * flops)[0] / size == pytest.approx(10**TRUE.size_exponent)


def test_draws_of_noisy_runs_lie_about_the_truth():
    noisy = LOSSES * np.exp(np.random.default_rng(1).normal(0, 2e-3, len(LOSSES)))
    laws = resampled_laws(N, D, noisy, count=12, seed=1, starts=FEW)
    floors = [law.floor for law in laws]
    assert len(laws) == 12 and np.std(floors) > 0 and abs(np.median(floors) - 0.7) < 0.05
    assert floors == [law.floor for law in resampled_laws(N, D, noisy, count=12, seed=1, starts=FEW)]


@pytest.mark.parametrize(
    ("columns", "floor", "words"),
    [
        ((N[:4], D[:4], LOSSES[:4]), None, "5 numbers to find"),
        ((N, D, LOSSES[1:]), None, "sizes, tokens and losses"),
        ((N, D, -LOSSES), None, "not a positive number"),
        ((np.full_like(N, 9.0), D, LOSSES), None, "the same size, 9"),
        ((N, D, LOSSES), 5.0, "floor=5.0"),
    ],
)
def test_what_cannot_be_fitted_is_said(columns, floor, words):
    with pytest.raises(LmbookError, match=words):
        fit_scaling_law(*columns, floor=floor)
