from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.topics.compression.quantization import dequantize, load_quantized, quantize, save_float, save_quantized

CONFIG = GPTConfig(33, 32, 48, num_heads=2, num_layers=2, max_sequence_length=8)
IDS = np.array([[2, 7, 1, 8, 3]])


@pytest.mark.parametrize(("bits", "group"), [(8, None), (8, 4), (4, None), (4, 4)])
@pytest.mark.parametrize("columns", [8, 7])
def test_no_entry_is_off_by_more_than_half_a_step(bits, group, columns):
    matrix = np.random.default_rng(0).normal(size=(5, columns))
    matrix[2] = 0.0
    numbers, scales = quantize(matrix, bits, group)
    back = dequantize(numbers, scales, columns)
    steps = np.repeat(scales.astype("float32"), group or columns + columns % 2, axis=1)[:, :columns]
    assert back.shape == matrix.shape and np.all(back[2] == 0.0)
    assert np.all(np.abs(back - matrix) <= 0.51 * steps)
    assert numbers.nbytes <= 5 * (columns + 1) * bits / 8


def test_whole_numbers_come_back_as_they_were():
    matrix = np.array([[-127.0, 3.0, 64.0, 0.0], [7.0, -6.0, 1.0, -1.0]])
    np.testing.assert_array_equal(dequantize(*quantize(matrix[:1]), 4), matrix[:1])
    np.testing.assert_array_equal(dequantize(*quantize(matrix[1:], 4), 4), matrix[1:])


def test_an_outlier_spoils_only_its_group():
    matrix = np.concatenate([np.full((1, 4), 0.1), np.full((1, 4), 0.1)], axis=1)
    matrix[0, 0] = 100.0
    assert np.abs(dequantize(*quantize(matrix, 4, 4), 8) - matrix)[0, 4:].max() < 1e-3
    assert np.abs(dequantize(*quantize(matrix, 4), 8) - matrix)[0, 4:].max() > 0.05


def test_a_model_comes_back_nearly_the_same_from_a_quarter_of_the_bytes(tmp_path):
    keras.utils.set_random_seed(0)
    model, other = GPT(CONFIG), GPT(CONFIG)
    logits = np.asarray(model(IDS))
    whole = save_float(model, tmp_path / "whole.npz")
    load_quantized(other, tmp_path / "whole.npz")
    np.testing.assert_array_equal(np.asarray(other(IDS)), logits)
    apart, sizes = [], []
    for bits, group in ((8, None), (4, 16)):
        sizes.append(save_quantized(model, tmp_path / "small.npz", bits, group))
        load_quantized(other, tmp_path / "small.npz")
        apart.append(np.abs(np.asarray(other(IDS)) - logits).max())
    assert sizes[1] < sizes[0] < whole
    assert 0 < apart[0] < 0.05 * np.abs(logits).max() and apart[0] < apart[1]


def test_what_does_not_fit_is_named(tmp_path):
    model = GPT(CONFIG)
    with pytest.raises(LmbookError, match="bits=5"):
        quantize(np.ones((2, 2)), 5)
    with pytest.raises(LmbookError, match="group=3"):
        quantize(np.ones((2, 2)), 4, 3)
    with pytest.raises(LmbookError, match="holds no weights"):
        load_quantized(model, tmp_path / "missing.npz")
    save_quantized(model, tmp_path / "a.npz")
    other = GPT(GPTConfig(34, 32, 48, num_heads=2, num_layers=2, max_sequence_length=8))
    with pytest.raises(LmbookError, match=r"as \[33, 32\], the model as \[34, 32\]"):
        load_quantized(other, tmp_path / "a.npz")
    deeper = GPT(GPTConfig(33, 32, 48, num_heads=2, num_layers=3, max_sequence_length=8))
    with pytest.raises(LmbookError, match="has no"):
        load_quantized(deeper, tmp_path / "a.npz")
