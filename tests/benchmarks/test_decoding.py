from __future__ import annotations

import sys

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.files import read_json


@pytest.fixture
def decoding(benchmark_module):
    return benchmark_module("decoding")


def test_the_weights_are_counted_as_a_gpt2_has_them(decoding):
    from lmbook.models.gpt import GPT, GPTConfig

    assert decoding.count_weights(decoding.SIZES["large"]) == 124_439_808
    assert decoding.count_weights(decoding.SIZES["tiny"]) == GPT(GPTConfig(**decoding.SIZES["tiny"])).count_params()


def test_a_token_reads_all_weights_and_one_place(decoding):
    tiny = decoding.SIZES["tiny"]
    assert decoding.bytes_per_token(tiny) == 4 * (decoding.count_weights(tiny) - 31 * 16)


def test_ratios_are_of_medians_and_the_best_of_the_others_counts(decoding):
    seconds = {
        ("ours", "small", 1): [1.0, 2.0, 30.0],
        ("huggingface", "small", 1): [20.0, 16.0, 0.1],
        ("keras_nlp", "small", 1): [10.0, 12.0, 11.0],
        ("keras_nlp_xla", "small", 1): [3.0, 3.0, 3.0],
        ("ours", "large", 8): [4.0],
    }
    figures = decoding.summary(seconds, [1e9, 2e9, 3e9], length=100)
    assert figures["small_vs_huggingface"] == 8.0 and figures["small_vs_keras_nlp"] == 5.5
    assert figures["small_vs_keras_nlp_xla"] == 1.5 and figures["small_vs_best"] == 5.5
    large = decoding.bytes_per_token(decoding.SIZES["large"])
    assert figures["large_bandwidth_share_batch_8"] == pytest.approx(large * 25 / 2e9)
    assert "large_vs_best_batch_8" not in figures


def test_the_bandwidth_is_of_all_bytes(decoding):
    assert 1e8 < decoding.read_bandwidth(np.ones(2**22, np.float32), 2) < 1e13


def test_a_tiny_race(decoding, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(decoding, "find_spec", lambda name: None)  # ours alone: fast
    output = tmp_path / "figures.json"
    words = ["--sizes", "tiny", "--batches", "1", "2", "--length", "4", "--runs", "1", "--pause", "0"]
    assert decoding.main([*words, "--output", str(output)]) == 0
    figures = read_json(output)["figures"]
    measured = ("tiny_bandwidth_share", "tiny_ours_tokens_per_second")
    assert list(figures) == [*measured, *(f"{name}_batch_2" for name in measured)]
    assert "tiny   2 at a time, ours" in capsys.readouterr().out


def test_what_is_missing_is_named(decoding, tmp_path, capsys):
    assert decoding.main(["--nanogpt", str(tmp_path)]) == 2
    assert "--torch-python" in capsys.readouterr().err
    assert decoding.main(["--nanogpt", str(tmp_path), "--torch-python", sys.executable]) == 2
    assert "has no model.py" in capsys.readouterr().err


def test_a_contestant_that_fails_or_has_another_model_is_named(decoding):
    tiny = decoding.SIZES["tiny"]
    with pytest.raises(LmbookError, match="ended before its answer"):
        decoding.Contestant([sys.executable, "-c", "print('hello')"], tiny, 4)
    with pytest.raises(LmbookError, match="has 7 weights"):
        decoding.Contestant([sys.executable, "-c", "print('answer 7')"], tiny, 4)
