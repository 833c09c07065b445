"""Weights in 8 or 4 bits, for smaller files; a model that is loaded from one computes in float32 as before."""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras
import numpy as np

from lmbook.errors import LmbookError
from lmbook.files import write_atomically

BITS = (8, 4)


def quantize(matrix: np.ndarray, bits: int = 8, group: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Quantize a matrix to integers and the scales to multiply them by.

    Each group of neighbours in a row has a scale of its own: its largest entry becomes 127 (8 bits) or 7 (4 bits), and
    the others are rounded. One large entry spoils only its own group.

    Args:
        matrix: [R, C].
        bits: 8, or 4: then two numbers share a byte.
        group: entries with one scale; None: a whole row.

    Returns:
        the numbers, int8 [R, C'] or uint8 [R, C' / 2], C' being C filled up to whole groups (and an even number); and
        the scales, float16 [R, groups].

    Raises:
        LmbookError: bits or group are out of their range.

    Reference:
        Dettmers et al. 2022, "8-bit optimizers via block-wise quantization", section 2, for the groups.
    """
    if bits not in BITS:
        raise LmbookError(f"bits={bits} is not known.", "Choose 8 or 4.")
    if group is not None and (group < 2 or group % 2):
        raise LmbookError(f"group={group} is not an even number from 2 on.", "Choose for example 32.")
    rows, columns = matrix.shape
    group = group or columns + columns % 2
    filled = np.pad(np.asarray(matrix, "float32"), ((0, 0), (0, -columns % group))).reshape(rows, -1, group)
    top = 2 ** (bits - 1) - 1
    scales = (np.abs(filled).max(axis=-1) / top).astype("float16")
    divisors = np.where(scales > 0, scales, 1).astype("float32")[..., None]
    numbers = np.clip(np.rint(filled / divisors), -top, top).astype("int8").reshape(rows, -1)
    if bits == 4:
        low, high = (numbers[:, 0::2] & 0xF).view("uint8"), (numbers[:, 1::2] & 0xF).view("uint8")
        numbers = low | (high << 4)
    return numbers, scales


def dequantize(numbers: np.ndarray, scales: np.ndarray, columns: int) -> np.ndarray:
    """Convert back to float32 [R, columns]; the arguments are what `quantize` gave, with 4 bits as uint8."""
    if numbers.dtype == np.uint8:
        halves = np.stack([numbers & 0xF, numbers >> 4], axis=-1).reshape(len(numbers), -1).astype("int8")
        numbers = np.where(halves > 7, halves - 16, halves)
    grouped = numbers.reshape(*scales.shape, -1) * scales.astype("float32")[..., None]
    return grouped.reshape(len(numbers), -1)[:, :columns].astype("float32")


def save_quantized(model: keras.Model, path: str | Path, bits: int = 8, group: int | None = None) -> int:
    """Write all weights to an `.npz` file, matrices quantized, vectors as they are; returns its size in bytes.

    A row is what leads to one output (the kernel of a dense layer is turned for it), or one word's vector in a table.
    """
    arrays = {}
    for variable in model.weights:
        value = variable.numpy()
        if value.ndim != 2:
            arrays[variable.path] = value
            continue
        numbers, scales = quantize(_rows(variable, value), bits, group)
        arrays |= {f"{variable.path}:numbers": numbers, f"{variable.path}:scales": scales}
    return _write(path, arrays)


def save_float(model: keras.Model, path: str | Path, dtype: str = "float32") -> int:
    """Write the same file without quantization, for comparison; returns its size in bytes."""
    return _write(path, {variable.path: variable.numpy().astype(dtype) for variable in model.weights})


def load_quantized(model: keras.Model, path: str | Path) -> None:
    """Load the weights that `save_quantized` or `save_float` wrote into a model built like the one saved.

    Raises:
        LmbookError: the file is missing, damaged, or of another model.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise LmbookError(f"{path} holds no weights: {error}", "Give a file that save_quantized wrote.") from error
    for variable in model.weights:
        name, shape = variable.path, tuple(variable.shape)
        if name in arrays:
            value = arrays[name].astype("float32")
        elif f"{name}:numbers" in arrays:
            columns = shape[1] if _is_table(variable) else shape[0]
            value = _rows(variable, dequantize(arrays[f"{name}:numbers"], arrays[f"{name}:scales"], columns))
        else:
            raise LmbookError(f"{path} has no {name!r}.", "Load it into a model of the same configuration.")
        if value.shape != shape:
            raise LmbookError(
                f"{path} has {name!r} as {list(value.shape)}, the model as {list(shape)}.",
                "Load it into a model of the same configuration.",
            )
        variable.assign(value)


def _is_table(variable) -> bool:
    return variable.path.endswith("embeddings")


def _rows(variable, value: np.ndarray) -> np.ndarray:
    return value if _is_table(variable) else value.T


def _write(path: str | Path, arrays: dict[str, np.ndarray]) -> int:
    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    return write_atomically(path, fill).stat().st_size
