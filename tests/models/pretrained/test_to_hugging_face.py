"""A GPT of ours in Hugging Face's files: the way back of what reads them, and the logits of `transformers`.

The latter needs a Python with torch and transformers, which the book itself does without: its path in the environment
variable LMBOOK_TORCH_PYTHON, or both packages beside the book's.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from lmbook.corpora.weights import read_safetensors
from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.layers.lora import add_lora, merge_lora
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.pretrained.hugging_face import load_gpt2
from lmbook.models.pretrained.llama import LLAMA, load_llama
from lmbook.models.pretrained.to_hugging_face import ARCHITECTURES, architecture_of, export_hugging_face
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.tokenizers.gpt2 import END, GPT2Tokenizer
from lmbook.tokenizers.sentence_piece import BYTES, SPECIAL, SentencePieceTokenizer

DATA = Path(__file__).parent / "data"
TEXTS = ["a green tree", "  two  spaces\n\n", "", "<unk> <pad><end><|endoftext|><s>", "绿树 🌳 é", "tree's"]
CHARACTERS = CharacterTokenizer.train(["a green tree\nstands's <unk>pade|"])
PAIRS = BytePairTokenizer.train(["a green tree stands"] * 9, vocabulary_size=280)
SHAPE = {"hidden_dim": 16, "intermediate_dim": 24, "num_heads": 4, "num_layers": 2, "max_sequence_length": 48}
T, NEW = 9, 12


def pieces():
    more = [" ", "e", "t", "r", "tr", "ee", "tree", " tree"]
    return SentencePieceTokenizer([*SPECIAL, *BYTES, *more], [0.0] * 259 + [-float(n) for n in range(len(more))])


def gpt2_pieces():
    return GPT2Tokenizer([*PAIRS.tokens[3:], END], PAIRS.merges)


CASES = {  # name: (the tokenizer, what the model is)
    "gpt2": (CHARACTERS, {}),
    "gpt2 without biases": (PAIRS, {"use_bias": False, "tie_embeddings": False, "activation": "squared_relu"}),
    "gpt2 as bert has it": (gpt2_pieces(), {"activation": "exact_gelu", "epsilon": 1e-3}),
    "llama": (pieces(), {**LLAMA, "use_bias": False, "tie_embeddings": False, "num_key_value_heads": 2}),
    "llama with biases": (CHARACTERS, {**LLAMA, "rotary_base": 300.0, "epsilon": 1e-3}),
}


def random_model(tokenizer, choices):
    """Weights that are not at their start, where shifts and gains hide mistakes."""
    model = GPT(GPTConfig(tokenizer.vocabulary_size, **SHAPE, **choices, pad_id=tokenizer.pad_id))
    draw = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(draw.normal(float(len(weight.shape) == 1), 0.4, weight.shape))
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """{name: (folder, model, tokenizer)}."""
    place, made = tmp_path_factory.mktemp("exported"), {}
    for name, (tokenizer, choices) in CASES.items():
        model = random_model(tokenizer, choices)
        export_hugging_face(model, tokenizer, place / name)
        made[name] = place / name, model, tokenizer
    return made


def ids_for(tokenizer):
    return np.random.default_rng(1).integers(0, tokenizer.vocabulary_size, (2, T)).astype("int32")


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_way_back_of_what_reads_such_files(exported, name):
    folder, model, tokenizer = exported[name]
    again = (load_llama if name.startswith("llama") else load_gpt2)(folder)
    np.testing.assert_array_equal(again(ids_for(tokenizer)), model(ids_for(tokenizer)))
    started = ("zero_projections", "stddev", "embedding_stddev", "dropout", "use_bias", "num_key_value_heads")
    left, right = (dataclasses.replace(one.config, **dict.fromkeys(started[1:3], 0.02)) for one in (again, model))
    assert {k: v for k, v in vars(left).items() if k not in started} == {
        k: v for k, v in vars(right).items() if k not in started
    }


@pytest.mark.parametrize(("name", "load"), [("gpt2", load_gpt2), ("llama", load_llama)])
def test_what_transformers_wrote_is_written_again_as_it_was(name, load, tmp_path):
    export_hugging_face(load(DATA / name), CHARACTERS, tmp_path)
    theirs, ours = (read_safetensors(folder / "model.safetensors") for folder in (DATA / name, tmp_path))
    assert theirs.keys() == ours.keys()
    for key, array in theirs.items():
        np.testing.assert_array_equal(ours[key], array, err_msg=key)
    theirs, ours = (json.loads((folder / "config.json").read_text()) for folder in (DATA / name, tmp_path))
    free = {"bos_token_id", "eos_token_id", "pad_token_id", "n_inner", "embd_pdrop", "attn_pdrop", "resid_pdrop"}
    for key in (theirs.keys() & ours.keys()) - free:
        assert ours[key] == theirs[key], key


def test_transformers_reads_it_and_gives_the_same(exported):
    python = os.environ.get("LMBOOK_TORCH_PYTHON")
    if python is None and find_spec("torch") and find_spec("transformers"):
        python = sys.executable
    if python is None:
        pytest.skip("LMBOOK_TORCH_PYTHON names no Python with torch and transformers")
    for folder, _, tokenizer in exported.values():
        asked = {"ids": ids_for(tokenizer).tolist(), "texts": TEXTS, "new": NEW}
        (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    script = Path(__file__).with_name("read_with_transformers.py")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run([python, script, folder.parent], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, (folder, model, tokenizer) in exported.items():
        read = json.loads((folder / "read.json").read_text(encoding="utf-8"))
        assert read["class"] == architecture_of(model.config).model_class and read["not as expected"] == [[], []]
        difference = np.abs(np.array(read["logits"]) - ops.convert_to_numpy(model(ids_for(tokenizer)))).max()
        print(f"{name}: largest difference of a logit {difference:.1e}")
        assert difference <= 1e-4, name
        ids = [tokenizer.encode(text) for text in TEXTS]
        assert read["ids"] == ids and read["opened"] == [[tokenizer.end_id, *row] for row in ids], name
        assert read["texts"] == [tokenizer.decode(row) for row in ids], name
        special = {"bos": tokenizer.end_id, "eos": tokenizer.end_id, "pad": tokenizer.pad_id}
        assert read["special"] == special | {"unk": tokenizer.unknown_id} and read["longest"] == 48, name
        [written] = generate(
            model,
            ids_for(tokenizer)[:1],
            max_new_tokens=NEW,
            sampling=Sampling(temperature=0.0),
            stop_ids=(tokenizer.end_id,),
            suppress_ids=tokenizer.suppress_ids,
        )
        ended = [tokenizer.end_id] if len(written) < NEW else []  # which `generate` leaves out
        assert read["written"][T:] == [*written, *ended], name


@pytest.mark.parametrize(
    ("choices", "named"),
    [
        ({"positions": "none"}, "positions='none' has no counterpart"),
        ({"normalization": "rms"}, "GPT-2 nothing stands for normalization='rms'"),
        ({"activation": "swiglu"}, "GPT-2 nothing stands for activation='swiglu'"),
        ({"num_key_value_heads": 2}, "GPT-2 nothing stands for num_key_value_heads=2"),
        ({**LLAMA, "normalization": "layer"}, "Llama nothing stands for normalization='layer'"),
        ({**LLAMA, "activation": "gelu", "qk_norm": True}, "Llama nothing stands for activation='gelu', qk_norm=True"),
        ({"smear_keys": True}, "smear_keys=True"),
        ({"normalize_embedding": True}, "normalize_embedding=True"),
        ({"logit_soft_cap": 15.0}, "logit_soft_cap=15.0"),
    ],
)
def test_what_has_no_counterpart_is_named_and_nothing_is_written(choices, named, tmp_path):
    model = GPT(GPTConfig(CHARACTERS.vocabulary_size, **SHAPE, **choices))
    with pytest.raises(LmbookError, match=named) as caught:
        export_hugging_face(model, CHARACTERS, tmp_path / "out")
    assert "lmbook train --model gpt2" in caught.value.fix and not (tmp_path / "out").exists()


def test_other_models_and_changes_beside_a_matrix_are_refused(tmp_path):
    recurrent = RecurrentLanguageModel(RecurrentConfig(CHARACTERS.vocabulary_size, 4, 5))
    with pytest.raises(LmbookError, match="RecurrentLanguageModel is no GPT"):
        export_hugging_face(recurrent, CHARACTERS, tmp_path / "out")
    model = random_model(CHARACTERS, {})
    add_lora(model, 2)
    with pytest.raises(LmbookError, match="LoRA") as caught:
        export_hugging_face(model, CHARACTERS, tmp_path / "out")
    assert "merge_lora" in caught.value.fix and not (tmp_path / "out").exists()
    merge_lora(model)
    export_hugging_face(model, CHARACTERS, tmp_path / "out")


def test_every_choice_of_a_gpt_is_carried_refused_or_of_no_matter_once_trained():
    start = {"zero_projections", "stddev", "embedding_stddev"}
    elsewhere = {"intermediate_dim", "tie_embeddings", "use_bias", "dropout", "epsilon", "rotary_base", "pad_id"}
    elsewhere |= {"num_key_value_heads", "activation", "positions"}
    known = start | elsewhere | {name for one in ARCHITECTURES.values() for name in (*one.needs, *one.sizes)}
    assert {field.name for field in dataclasses.fields(GPTConfig)} == known
