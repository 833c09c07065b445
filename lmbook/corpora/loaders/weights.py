"""Weights and tables are not examples: their corpus has one split, "files", a record a file.

`lmbook.corpora.weights` reads what is in them.
"""

from __future__ import annotations

from pathlib import Path


def _files(folder: Path, *paths: str) -> dict[str, list[dict]]:
    return {"files": [{"path": str(folder / path)} for path in paths]}


def glove_50d(folder: Path) -> dict[str, list[dict]]:
    """GloVe's vectors and their words."""
    return _files(folder, "data/glove_6B_50d_emb.npy", "data/glove_6B_index.parquet")


def minilm(folder: Path) -> dict[str, list[dict]]:
    """MiniLM's weights, configuration, word pieces, and its tokenizer in the form of the `tokenizers` library."""
    return _files(
        folder, *(f"model/{name}" for name in ("model.safetensors", "config.json", "vocab.txt", "tokenizer.json"))
    )


def gpt2_byte_pairs(folder: Path) -> dict[str, list[dict]]:
    """GPT-2's pieces and merges."""
    return _files(folder, "data/encoder.json", "data/vocab.bpe")


def stories260k(folder: Path) -> dict[str, list[dict]]:
    """A trained Llama-2-style model (7 int32, then float32) and its 512 word pieces with their scores."""
    return _files(folder, "stories260K.bin", "tok512.bin")


def gpt2(folder: Path) -> dict[str, list[dict]]:
    """GPT-2's configuration, weights, pieces and merges."""
    return _files(folder, "config.json", "model.safetensors", "vocab.json", "merges.txt")


def bert_base_uncased(folder: Path) -> dict[str, list[dict]]:
    """BERT's configuration, weights and word pieces."""
    return _files(folder, "config.json", "model.safetensors", "vocab.txt")
