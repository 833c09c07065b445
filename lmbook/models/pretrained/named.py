"""Arrays by name, checked and then put into a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import keras
import numpy as np

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class Named:
    """Where an array of a file belongs.

    Args:
        name: in the file.
        variables: of our model; several: the array has them side by side, along its last axis.
        transposed: the array is [out, in], ours is [in, out].
    """

    name: str
    variables: tuple[keras.Variable, ...]
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array."""
        *rest, _ = self.variables[0].shape
        shape = (*rest, sum(variable.shape[-1] for variable in self.variables))
        return shape[::-1] if self.transposed else shape


def dense(name: str, *layers: keras.layers.Dense, transposed: bool = True) -> Iterator[Named]:
    """The matrix of a dense layer (or of several side by side), and its bias where it has one."""
    yield Named(f"{name}.weight", tuple(layer.kernel for layer in layers), transposed)
    if layers[0].use_bias:
        yield Named(f"{name}.bias", tuple(layer.bias for layer in layers))


def norm(name: str, layer: keras.layers.Layer) -> Iterator[Named]:
    """The gain of a normalisation, and the shift of a LayerNorm."""
    yield Named(f"{name}.weight", (layer.weights[0],))
    if len(layer.weights) > 1:
        yield Named(f"{name}.bias", (layer.weights[1],))


def table(name: str, layer: keras.layers.Embedding) -> Named:
    """A table of vectors."""
    return Named(f"{name}.weight", (layer.embeddings,))


def assign(places: Iterable[Named], arrays: Mapping[str, np.ndarray], origin: str, model: str) -> None:
    """Put every array in its place, after all of them were checked: nothing is assigned when something is wrong.

    Args:
        places: of all weights of the model.
        arrays: what the file has.
        origin: the file, for messages.
        model: what it should be a file of, for messages.

    Raises:
        LmbookError: an array is missing, has no place, has another shape, is of whole numbers, or is not finite.
    """
    places = list(places)
    known = {place.name for place in places}
    fix = f"Give the file of {model}."
    missing = [place.name for place in places if place.name not in arrays]
    if missing:
        raise LmbookError(f"{origin} lacks {_listed(missing)}.", fix)
    foreign = [name for name in arrays if name not in known]
    if foreign:
        raise LmbookError(f"{origin} holds what has no place in the model: {_listed(foreign)}.", fix)
    for place in places:
        array = arrays[place.name]
        if array.shape != place.shape:
            raise LmbookError(f"In {origin}, {place.name} has the shape {array.shape}, not {place.shape}.", fix)
        if array.dtype.kind != "f":
            raise LmbookError(f"In {origin}, {place.name} has the type {array.dtype}, not a float type.", fix)
        if not np.all(np.isfinite(array)):
            raise LmbookError(f"In {origin}, {place.name} holds values that are not finite.", "Get the file again.")
    for place in places:
        array = arrays[place.name]
        array, start = array.T if place.transposed else array, 0
        for variable in place.variables:
            variable.assign(array[..., start : start + variable.shape[-1]])
            start += variable.shape[-1]


def read_back(places: Iterable[Named]) -> dict[str, np.ndarray]:
    """What `assign` would put into these places as they are now, float32: the arrays of a file by name."""
    arrays = {}
    for place in places:
        parts = [keras.ops.convert_to_numpy(variable).astype("float32") for variable in place.variables]
        array = np.concatenate(parts, axis=-1)
        arrays[place.name] = np.ascontiguousarray(array.T if place.transposed else array)
    return arrays


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
