from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.pretrained.llama import LLAMA, load_llama
from lmbook.models.registry import entry
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.history import History
from lmbook.training.run_folder import save_run

SHAPE = {"hidden_dim": 8, "intermediate_dim": 12, "num_heads": 2, "num_layers": 1, "max_sequence_length": 16}


@pytest.fixture
def run(tmp_path):
    """Function that leaves a run, and exports it: (the model, the folder, what the command gave)."""

    def export(tokenizer=CharacterTokenizer, **choices):
        tokenizer = tokenizer.train(["a green tree"])
        model, folder = GPT(GPTConfig(tokenizer.vocabulary_size, **{**choices, **SHAPE})), tmp_path / "my run"
        save_run(folder, model, tokenizer, {}, History(), "")
        arguments = ["export", str(folder), "--to", "huggingface"]
        return model, folder / "huggingface", CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})

    return export


def test_a_trained_gpt_is_written_and_the_way_to_read_it_told(run):
    model, folder, result = run(**LLAMA)
    assert result.exit_code == 0, result.output
    assert f"Written to {folder}: a Llama with {model.count_params():,} weights." in result.output
    assert f"AutoModelForCausalLM.from_pretrained({str(folder)!r})" in result.output
    ids = np.arange(6, dtype="int32")[None]
    np.testing.assert_array_equal(load_llama(folder)(ids), model(ids))
    names = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in folder.iterdir()} == names
    assert json.loads((folder / "generation_config.json").read_text())["suppress_tokens"] == [0, 1]


@pytest.mark.parametrize(
    ("choices", "named"),
    [
        ({"smear_keys": True}, "GPT-2 nothing stands for smear_keys=True"),
        ({"tokenizer": WordTokenizer}, "kind 'word' has no counterpart"),
        (entry("gpt").config, "Llama nothing stands for activation='squared_relu', qk_norm=True"),
    ],
)
def test_what_has_no_counterpart_is_told_and_nothing_is_written(run, choices, named):
    _, folder, result = run(**choices)
    assert result.exit_code == 2 and named in result.output and not folder.exists()


@pytest.mark.parametrize("model", ["gpt2", "llama"])
def test_the_models_that_the_message_names_have_a_counterpart(run, model):
    assert run(**entry(model).config)[2].exit_code == 0
