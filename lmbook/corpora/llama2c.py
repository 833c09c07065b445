"""Reading the files of llama2.c: a model of Llama 2's architecture, and its pieces.

Reference:
    Karpathy 2023, https://github.com/karpathy/llama2.c (run.c and export.py, version 0).
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from lmbook.errors import LmbookError

if TYPE_CHECKING:
    import numpy as np

FIELDS = ("hidden_dim", "intermediate_dim", "num_layers", "num_heads", "num_key_value_heads")
FIELDS += ("vocabulary_size", "max_sequence_length")
HEADER = struct.Struct("<7i")
FIX = "Give the .bin file of a llama2.c model (version 0), such as stories260K.bin of the catalogue."


def read_llama2c(path: str | Path) -> tuple[dict[str, int], dict[str, np.ndarray]]:
    """Read a checkpoint: 7 sizes, then all weights as float32, one after the other.

    Returns:
        The sizes by the names of `GPTConfig`, and the weights by their names in Llama 2 (a matrix is [out, in]; mapped
        from disk, read-only). "output.weight" is missing where the logits share the table of the tokens.

    Raises:
        LmbookError: there is no such file, or its size is not what its first numbers say.
    """
    import numpy as np

    path = Path(path)
    if not path.is_file():
        raise LmbookError(f"There is no file {path}.", "Check the path.")
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        raise LmbookError(f"{path} has {size} bytes, too few for its {HEADER.size} bytes of sizes.", FIX)
    sizes = dict(zip(FIELDS, HEADER.unpack(head), strict=True))
    shared = sizes["vocabulary_size"] > 0  # a negative number says that the logits have a table of their own
    sizes["vocabulary_size"] = abs(sizes["vocabulary_size"])
    D, F, L, H, G, V, T = sizes.values()
    if min(D, F, L, H, G, V, T) < 1 or D % H or H % G or (D // H) % 2:
        raise LmbookError(f"{path} does not begin with the sizes of a model: {sizes}.", FIX)
    K = D // H
    of_layers = {"attention_norm": (D,), "attention.wq": (D, D), "attention.wk": (G * K, D), "attention.wv": (G * K, D)}
    of_layers |= {"attention.wo": (D, D), "ffn_norm": (D,)}
    of_layers |= {"feed_forward.w1": (F, D), "feed_forward.w2": (D, F), "feed_forward.w3": (F, D)}
    places = [("tok_embeddings.weight", (V, D))]
    places += [(f"layers.{i}.{name}.weight", shape) for name, shape in of_layers.items() for i in range(L)]
    places += [("norm.weight", (D,)), ("angles", (2, T, K // 2))]  # cosines and sines, which are computed anew
    places += [] if shared else [("output.weight", (V, D))]
    expected = HEADER.size + 4 * sum(math.prod(shape) for _, shape in places)
    if size != expected:
        cut = "is truncated" if size < expected else "is too long"
        raise LmbookError(f"{path} {cut}: {size} bytes instead of the {expected} that its sizes {sizes} need.", FIX)
    data, start, arrays = np.memmap(path, dtype="<f4", mode="r", offset=HEADER.size), 0, {}
    for name, shape in places:
        arrays[name] = data[start : start + math.prod(shape)].reshape(shape)
        start += math.prod(shape)
    del arrays["angles"]
    return sizes, arrays


def read_llama2c_pieces(path: str | Path) -> tuple[list[str], list[float]]:
    """Read a tokenizer: the length of the longest piece, then score, length and bytes of each piece.

    Returns:
        The pieces in the order of their ids (`<unk>`, `<s>`, `</s>`, the bytes as "<0x00>" …, then the rest), and their
        scores.

    Raises:
        LmbookError: there is no such file, or it is something else.
    """
    path = Path(path)
    if not path.is_file():
        raise LmbookError(f"There is no file {path}.", "Check the path.")
    data, pieces, scores = path.read_bytes(), [], []
    fix = "Give the tokenizer of a llama2.c model, such as tok512.bin of the catalogue."
    try:
        (longest,) = struct.unpack_from("<i", data)
        place = 4
        while place < len(data):
            score, length = struct.unpack_from("<fi", data, place)
            place += 8
            if not 0 <= length <= longest or place + length > len(data):
                raise ValueError(f"a piece of {length} bytes at byte {place}")
            pieces.append(data[place : place + length].decode("utf-8"))
            scores.append(score)
            place += length
    except (struct.error, ValueError) as error:
        raise LmbookError(f"{path} is not a tokenizer of llama2.c, or damaged: {error}.", fix) from error
    if len(pieces) < 3:
        raise LmbookError(f"{path} holds {len(pieces)} pieces.", fix)
    pieces[:3] = [piece.strip("\n") for piece in pieces[:3]]  # written with line ends around them
    return pieces, scores
