from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.pipelines.causal import CausalWindows
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.compression.pruning import Pruning
from lmbook.training.fit import fit

CONFIG = GPTConfig(9, 16, 24, num_heads=2, num_layers=1, max_sequence_length=8)


def test_the_smallest_go_and_stay_away_while_the_others_learn(documents):
    model = GPT(CONFIG)
    before = {variable.path: variable.numpy() for variable in model.trainable_variables}
    pruning = Pruning(model, 0.75)
    kept = {variable.path: variable.numpy() != 0 for variable in model.trainable_variables}
    data = CausalWindows(documents, SpecialIds(), context=8, batch_size=4)
    options = {"callbacks": [pruning], "steps_per_execution": 1, "jit_compile": False, "quiet": True}
    fit(model, data, steps=3, checks=(), **options)
    for variable in model.trainable_variables:
        old, now = before[variable.path], variable.numpy()
        if "block" in variable.path and old.ndim == 2:
            there = kept[variable.path]
            assert there.mean() == 0.25
            assert np.abs(old)[there].min() >= np.abs(old)[~there].max()
            assert np.all(now[~there] == 0.0) and np.all(now[there] != old[there])
        elif "embedding" in variable.path:
            assert np.any(now != 0.0)


def test_bytes_are_what_is_left_and_a_bit_for_each_place():
    whole, half = Pruning(GPT(CONFIG), 0.0), Pruning(GPT(CONFIG), 0.5)
    matrices = 4 * 16 * 16 + 2 * 16 * 24
    assert whole.bytes == 4 * GPT(CONFIG).count_params() + matrices // 8
    assert whole.bytes - half.bytes == 4 * matrices // 2
    with pytest.raises(LmbookError, match="share=1.0"):
        Pruning(GPT(CONFIG), 1.0)
