from __future__ import annotations

import keras
import pytest

from lmbook.models.gpt import GPT, GPTConfig


@pytest.fixture(scope="session")
def gpt():
    """A decoder of three blocks with random weights, large enough ones for its heads to matter."""
    keras.utils.set_random_seed(1)
    return GPT(GPTConfig(13, 16, 20, num_heads=2, num_layers=3, max_sequence_length=12, stddev=0.3))
