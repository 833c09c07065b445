"""Llama 2's architecture, from the files of llama2.c."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lmbook.corpora.catalogue import load_corpus
from lmbook.corpora.llama2c import read_llama2c, read_llama2c_pieces
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.pretrained.llama import LLAMA, META, llama_places
from lmbook.models.pretrained.named import assign
from lmbook.tokenizers.sentence_piece import SentencePieceTokenizer


def load_llama2c(path: str | Path) -> GPT:
    """The model of a llama2.c checkpoint.

    Raises:
        LmbookError: the file is truncated, or something else: see `read_llama2c`.
    """
    sizes, arrays = read_llama2c(path)
    model = GPT(GPTConfig(**sizes, **LLAMA, use_bias=False, tie_embeddings="output.weight" not in arrays))
    for name, array in arrays.items():
        if name.endswith(("wq.weight", "wk.weight")):
            heads = sizes["num_heads" if "wq" in name else "num_key_value_heads"]
            arrays[name] = halves_from_pairs(array, heads)
    assign(llama_places(model, META), arrays, str(path), "a llama2.c model")
    return model


def load_stories260k() -> tuple[GPT, SentencePieceTokenizer]:
    """stories260K of the catalogue (260,032 weights, trained on TinyStories) and its tokenizer.

    Raises:
        LmbookError: the files cannot be had.
    """
    checkpoint, pieces = (record["path"] for record in load_corpus("stories260K").split("files"))
    return load_llama2c(checkpoint), SentencePieceTokenizer(*read_llama2c_pieces(pieces))


def halves_from_pairs(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Reorder the rows of a projection [heads K, D]: rotary positions here turn (i, i + K/2), there (2i, 2i + 1).

    Queries and keys are reordered alike, so their products stay what they were.
    """
    rows, width = matrix.shape
    pairs = np.reshape(matrix, (heads, rows // heads // 2, 2, width))
    return np.reshape(np.swapaxes(pairs, 1, 2), (rows, width))
