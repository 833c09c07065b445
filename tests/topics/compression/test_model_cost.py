from __future__ import annotations

import pytest

from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.registry import make_config
from lmbook.topics.compression.model_cost import (
    forward_flops,
    gpt_parameters,
    matmul_rate,
    median_seconds,
    training_step_flops,
)

SIZES = {"hidden_dim": 16, "intermediate_dim": 24, "num_heads": 4, "num_layers": 2, "max_sequence_length": 8}


@pytest.mark.parametrize(
    "config",
    [
        GPTConfig(11, **SIZES),
        GPTConfig(11, **SIZES, num_key_value_heads=2, activation="swiglu", use_bias=False),
        GPTConfig(11, **SIZES, activation="swiglu", normalize_embedding=True),
        GPTConfig(11, **SIZES, num_key_value_heads=2, smear_keys=True),
        make_config("gpt", 11, **SIZES),
    ],
)
def test_weights_are_counted_as_the_model_has_them(config):
    assert gpt_parameters(config) == GPT(config).count_params()


def test_operations_by_hand():
    config = GPTConfig(11, **{**SIZES, "num_layers": 1})
    projections = 4 * 16 * 16 + 2 * 16 * 24
    by_hand = 2 * 5 * (projections + 11 * 16) + 2 * (2 * 5 * 5 * 16)  # T = 5: matrices, logits; QK^T and AV
    assert forward_flops(config, 5) == by_hand
    assert training_step_flops(config, 3, 5) == 9 * by_hand


def test_clocks():
    calls = []
    assert median_seconds(lambda: calls.append(1), repeats=3) < 0.1
    assert len(calls) == 4
    assert matmul_rate(64, repeats=1) > 1e6
