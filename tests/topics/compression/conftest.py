from __future__ import annotations

import numpy as np
import pytest

from lmbook.pipelines.causal import CausalWindows
from lmbook.tokenizers.tokenizer import SpecialIds


@pytest.fixture
def documents():
    """Ten documents of 20 tokens that follow a pattern a small model can learn."""
    rng = np.random.default_rng(0)
    return [[3 + (start + i) % 6 for i in range(20)] for start in rng.integers(0, 6, 10).tolist()]


@pytest.fixture
def data(documents):
    return CausalWindows(documents, SpecialIds(), context=8, batch_size=4, seed=5)
