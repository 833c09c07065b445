from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def assert_loaded_and_not_trained_again():
    """Function of what two calls with the same folder gave, each with a model and a history."""

    def check(first, again):
        assert again.history.seconds == first.history.seconds  # the clock did not run
        for before, after in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)

    return check
