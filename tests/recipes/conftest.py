from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def gpt_without_xla():
    """A GPT is trained as its operations stand: for so few steps compiling takes longest."""
    from lmbook.models.gpt import GPT

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GPT, "jit_compile_training", False, raising=False)
        yield


@pytest.fixture
def assert_loaded_and_not_trained_again():
    """Function of what two calls with the same folder gave, each with a model and a history."""

    def check(first, again):
        assert again.history.seconds == first.history.seconds  # the clock did not run
        for before, after in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)

    return check
