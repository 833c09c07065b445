from __future__ import annotations

import pytest

from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.registry import make_config
from lmbook.topics.scaling.model_cost import (
    forward_flops,
    gpt_parameters,
    matmul_rate,
    median_seconds,
    training_flops,
    training_memory,
    training_step_flops,
)

SIZES = {"hidden_dim": 16, "intermediate_dim": 24, "num_heads": 4, "num_layers": 2, "max_sequence_length": 8}
GPT2 = GPTConfig(50_257, 768, 4 * 768, num_heads=12, num_layers=12, max_sequence_length=1024)
TINY = GPTConfig(10, 4, 16, num_heads=2, num_layers=2, max_sequence_length=8)


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


def test_flops():
    assert training_flops(10, 7) == 420


def test_parameters_of_gpt2():
    assert gpt_parameters(GPT2) == 124_439_808  # as Radford et al.'s smallest model has them


def test_bytes_of_weights():
    count = gpt_parameters(TINY)
    assert count == 2 * (12 * 16 + 13 * 4) + 18 * 4 + 8
    full, mixed = training_memory(TINY, 1, mixed=False), training_memory(TINY, 1, mixed=True)
    assert (full.parameters, full.gradients, full.optimizer) == (4 * count, 4 * count, 8 * count)
    assert (mixed.parameters, mixed.gradients, mixed.optimizer) == (6 * count, 4 * count, 8 * count)
    assert full.total == 16 * count + full.activations


def test_bytes_of_activations():
    positions, pairs = 3 * 8, 2 * 8 / 4
    logits = 4 * positions * 10
    # equation 1 of the paper: s b h (34 + 5 a s / h) in each of two layers
    assert training_memory(TINY, 3, mixed=True).activations == 2 * positions * 4 * (34 + 5 * pairs) + logits
    assert training_memory(TINY, 3, mixed=False).activations == 2 * positions * 4 * (66 + 9 * pairs) + logits
    kept = 2 * positions * 4 * 2  # the entrance of each of two layers
    recomputed = training_memory(TINY, 3, mixed=True, recomputed=True).activations
    assert recomputed == kept + positions * 4 * (34 + 5 * pairs) + logits


def test_clocks():
    calls = []
    assert median_seconds(lambda: calls.append(1), repeats=3) < 0.1
    assert len(calls) == 4
    assert matmul_rate(64, repeats=1) > 1e6
