from __future__ import annotations

import numpy as np
import pytest

from lmbook.topics.interpretability.feature_names import best_number, correlations, name_numbers

rng = np.random.default_rng(0)
FACTS = {"rain": rng.random(400) < 0.5, "friend": rng.random(400) < 0.3}


def test_correlations_are_numpys_and_zero_for_what_never_changes():
    a, b = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    np.testing.assert_allclose(correlations(a, b), np.corrcoef(a.T, b.T)[:3, 3:], atol=1e-5)
    a[:, 1] = 7.0
    assert correlations(a, b)[1].tolist() == [0, 0]


def test_a_number_gets_the_fact_that_it_goes_with_and_noise_earns_none():
    numbers = np.stack([FACTS["friend"] * 2.0, rng.normal(size=400), np.full(400, 3.0), FACTS["rain"] - 0.5], axis=1)
    found = name_numbers(numbers, FACTS)
    assert len(found) == 3  # the one that never changes has no name
    assert found[0] == (pytest.approx(1.0, abs=1e-4), "friend") and found[2] == (pytest.approx(1.0, abs=1e-4), "rain")
    assert abs(found[1].correlation) < 0.2
    assert best_number(numbers, FACTS["rain"]) == pytest.approx(1.0, abs=1e-4)
    assert abs(best_number(numbers[:, [1]], FACTS["rain"])) < 0.2


def test_a_name_that_fits_one_half_only_is_found_out():
    first = np.arange(400) < 200
    numbers = np.where(first, FACTS["rain"], rng.random(400))[:, None]
    (named,) = name_numbers(numbers, FACTS)
    assert named.name == "rain" and abs(named.correlation) < 0.25
