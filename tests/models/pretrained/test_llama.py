"""A tiny Llama as `transformers` saves it (made by make_hugging_face_reference.py), and what it computes with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lmbook.corpora.weights import read_safetensors
from lmbook.errors import LmbookError
from lmbook.models.pretrained.llama import load_llama

DATA = Path(__file__).parent / "data" / "llama"


@pytest.fixture
def changed(tmp_path):
    """Function that copies the folder with another config.json, and with further arrays."""

    def change(config, **arrays):
        folder = shutil.copytree(DATA, tmp_path / "llama", dirs_exist_ok=True)
        values = json.loads((DATA / "config.json").read_text()) | config
        (folder / "config.json").write_text(json.dumps(values))
        save_file(read_safetensors(DATA / "model.safetensors") | arrays, folder / "model.safetensors")
        return folder

    return change


def test_it_gives_the_logits_of_transformers(changed):
    reference = np.load(DATA / "reference.npz")
    model, ids = load_llama(DATA), reference["ids"].astype("int32")
    np.testing.assert_allclose(model(ids), reference["logits"], atol=5e-5)
    assert model.config.num_key_value_heads == 2 and model.config.rotary_base == 300.0
    earlier = load_llama(changed({"rope_parameters": None, "rope_theta": 300.0}))
    np.testing.assert_array_equal(earlier(ids), model(ids))


@pytest.mark.parametrize(
    "config",
    [
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 300.0, "factor": 8.0}},
        {"rope_scaling": {"type": "linear", "factor": 2.0}},
        {"hidden_act": "gelu"},
        {"head_dim": 8},
        {"attention_bias": True},
        {"partial_rotary_factor": 0.5},
        {"quantization_config": {"bits": 8}},
    ],
    ids=lambda config: next(iter(config)),
)
def test_what_would_change_the_logits_is_refused_and_named(changed, config):
    with pytest.raises(LmbookError, match="not a plain Llama") as caught:
        load_llama(changed(config))
    assert caught.value.fix and {*config, "rope_type"} & {
        *str(caught.value).replace("=", " ").replace("'", " ").split()
    }


def test_a_head_that_should_be_its_table_and_is_not_is_refused(changed):
    with pytest.raises(LmbookError, match="lm_head.weight differs from model.embed_tokens.weight"):
        load_llama(changed({"tie_word_embeddings": True}))
