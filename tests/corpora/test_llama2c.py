from __future__ import annotations

import struct

import numpy as np
import pytest

from lmbook.corpora.llama2c import read_llama2c, read_llama2c_pieces
from lmbook.errors import LmbookError

SIZES = (8, 12, 2, 4, 2, 10, 6)  # D, F, L, H, G, V, T
WEIGHTS = 10 * 8 + 2 * (8 + 8 * 8 + 2 * 4 * 8 + 8 * 8 + 8 + 3 * 8 * 12) + 8 + 2 * 6 * 1


def write(path, sizes=SIZES, count=WEIGHTS):
    path.write_bytes(struct.pack("<7i", *sizes) + np.arange(count, dtype="<f4").tobytes())
    return path


def test_weights_come_in_their_order(tmp_path):
    sizes, arrays = read_llama2c(write(tmp_path / "m.bin"))
    assert sizes["hidden_dim"] == 8 and sizes["vocabulary_size"] == 10 and "output.weight" not in arrays
    assert arrays["tok_embeddings.weight"].shape == (10, 8) and arrays["tok_embeddings.weight"][0, 1] == 1
    assert arrays["layers.1.attention_norm.weight"].tolist() == list(range(88, 96))
    assert arrays["layers.1.attention.wk.weight"].shape == (4, 8)
    assert arrays["layers.0.feed_forward.w2.weight"].shape == (8, 12)
    assert arrays["norm.weight"][-1] == WEIGHTS - 12 - 1  # the angles of 6 places follow, 2 numbers each
    assert sum(array.size for array in arrays.values()) == WEIGHTS - 12


def test_a_negative_vocabulary_means_another_table_for_the_logits(tmp_path):
    sizes, arrays = read_llama2c(write(tmp_path / "m.bin", (*SIZES[:5], -10, 6), WEIGHTS + 80))
    assert sizes["vocabulary_size"] == 10 and arrays["output.weight"][-1, -1] == WEIGHTS + 79


@pytest.mark.parametrize(
    ("sizes", "count", "message"),
    [
        (SIZES, WEIGHTS - 1, "is truncated: .* bytes instead of"),
        (SIZES, WEIGHTS + 1, "is too long"),
        ((2**31 - 1,) * 7, WEIGHTS, "does not begin with the sizes|is truncated"),
        ((0x616B3432, 1, 8, 12, 2, 4, 2), WEIGHTS, "does not begin with the sizes"),  # "ak42": version 1
        ((8, 12, 2, 3, 1, 10, 6), WEIGHTS, "does not begin with the sizes"),
    ],
)
def test_a_file_of_another_size_or_kind_is_named(tmp_path, sizes, count, message):
    with pytest.raises(LmbookError, match=message) as caught:
        read_llama2c(write(tmp_path / "m.bin", sizes, count))
    assert "m.bin" in caught.value.message and "stories260K.bin" in caught.value.fix


def test_an_empty_or_missing_file_is_named(tmp_path):
    (tmp_path / "m.bin").write_bytes(b"12")
    with pytest.raises(LmbookError, match="m.bin has 2 bytes"):
        read_llama2c(tmp_path / "m.bin")
    for read in (read_llama2c, read_llama2c_pieces):
        with pytest.raises(LmbookError, match="no file .*none.bin"):
            read(tmp_path / "none.bin")


def write_pieces(path, pieces, cut=None):
    body = b"".join(struct.pack("<fi", score, len(piece)) + piece for piece, score in pieces)
    path.write_bytes((struct.pack("<i", 7) + body)[:cut])
    return path


PIECES = [(b"<unk>", 0.0), (b"\n<s>\n", 0.0), (b"\n</s>\n", 0.0), (b" t", -1.5), ("é".encode(), -2.0)]


def test_pieces_and_scores(tmp_path):
    pieces, scores = read_llama2c_pieces(write_pieces(tmp_path / "t.bin", PIECES))
    assert pieces == ["<unk>", "<s>", "</s>", " t", "é"] and scores == [0.0, 0.0, 0.0, -1.5, -2.0]


@pytest.mark.parametrize(
    ("pieces", "cut"),
    [(PIECES, -1), (PIECES, 6), (PIECES, 3), (PIECES[:2], None), ([*PIECES, (b"\xff", 0.0)], None), ([], None)],
)
def test_a_damaged_tokenizer_is_named(tmp_path, pieces, cut):
    with pytest.raises(LmbookError, match="t.bin") as caught:
        read_llama2c_pieces(write_pieces(tmp_path / "t.bin", pieces, cut))
    assert "tok512.bin" in caught.value.fix
