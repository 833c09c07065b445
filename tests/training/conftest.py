from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.pipelines.causal import CausalWindows
from lmbook.tokenizers.tokenizer import SpecialIds

VOCABULARY = 9


@pytest.fixture
def make_model():
    def make(seed=1, **changes):
        keras.utils.set_random_seed(seed)
        config = {"vocabulary_size": VOCABULARY, "embedding_dim": 6, "hidden_dim": 8, "cell": "rnn", **changes}
        return RecurrentLanguageModel(RecurrentConfig(**config))

    return make


@pytest.fixture
def documents():
    """Ten documents of 20 tokens that follow a pattern a small model can learn."""
    rng = np.random.default_rng(0)
    return [[3 + (start + i) % 6 for i in range(20)] for start in rng.integers(0, 6, 10).tolist()]


@pytest.fixture
def special_ids():
    """Those of the documents, where a tokenizer would be asked for them."""
    return SpecialIds()


@pytest.fixture
def data(documents):
    return CausalWindows(documents, SpecialIds(), context=8, batch_size=4, seed=5)
