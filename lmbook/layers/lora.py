"""LoRA: fine-tuning by a small change of rank r beside each frozen matrix."""

from __future__ import annotations

import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from lmbook.errors import LmbookError
from lmbook.files import write_atomically

PROJECTIONS = ("query", "key", "value", "output", "inner", "gate", "outer")  # the matrices of a block


@keras.saving.register_keras_serializable("lmbook")
class LoRADense(keras.layers.Layer):
    """A dense layer that stays as it is, and a change beside it that is learned: x W + b + (alpha / r) x A B.

    A [D, r] starts at random and B [r, F] at 0, so at first nothing is changed. Only they are trained: r (D + F)
    numbers instead of D F (`add_lora` freezes the rest).

    Args:
        base: a built `keras.layers.Dense` without activation.
        rank: r.
        alpha: how far the change is scaled; None: r, so the scale is 1.

    Call:
        x [..., D] -> [..., F].

    Reference:
        Hu et al. 2021, "LoRA: Low-rank adaptation of large language models", equation 3.

    Raises:
        LmbookError: the rank is not between 1 and the smaller side of the matrix.
    """

    def __init__(self, base: keras.layers.Dense, rank: int, alpha: float | None = None, **kwargs):
        super().__init__(**{"name": base.name, "dtype": base.dtype_policy, **kwargs})
        rows, units = base.kernel.shape
        if not 1 <= rank <= min(rows, units):
            raise LmbookError(
                f"rank={rank} does not fit {base.name!r}, a matrix {rows} x {units}.",
                f"Choose 1 to {min(rows, units)}.",
            )
        self.base, self.rank, self.alpha, self.supports_masking = base, rank, alpha, True
        self.a = self.add_weight(shape=(rows, rank), initializer="he_uniform", name="lora_a", dtype="float32")
        self.b = self.add_weight(shape=(rank, units), initializer="zeros", name="lora_b", dtype="float32")
        self.built = True

    @property
    def scale(self) -> float:
        return 1.0 if self.alpha is None else self.alpha / self.rank

    @property
    def change(self):
        """What is added to the matrix, [D, F], in the precision of the matrix."""
        a, b = (ops.cast(factor, self.base.kernel.dtype) for factor in (self.a, self.b))
        return self.scale * ops.matmul(a, b)

    def call(self, x):
        a, b = ops.cast(self.a, x.dtype), ops.cast(self.b, x.dtype)
        return self.base(x) + self.scale * ops.matmul(ops.matmul(x, a), b)

    def compute_output_shape(self, input_shape):
        return self.base.compute_output_shape(input_shape)

    def merge(self):
        """Add the change to the matrix, and begin a new one at 0: what the layer gives stays the same."""
        self.base.kernel.assign_add(self.change)
        self.b.assign(ops.zeros_like(self.b))

    def get_config(self):
        base = keras.saving.serialize_keras_object(self.base)
        return {**super().get_config(), "base": base, "rank": self.rank, "alpha": self.alpha}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("base")), **config)


def add_lora(model: keras.Model, rank: int, *, alpha: float | None = None, names: Sequence[str] = PROJECTIONS) -> None:
    """Freeze all weights of `model` and put a `LoRADense` in the place of every dense layer with one of these names.

    Do it before the model is called by a compiled function (`fit`, `generate`): one that was compiled before goes on
    without the changes.

    Args:
        model: built.
        rank: of every change.
        alpha: see `LoRADense`.
        names: of the dense layers.

    Raises:
        LmbookError: there is none with such a name, the rank does not fit, or the model has changes already.
    """
    _check_plain(model)
    places = [place for place in _places(model, keras.layers.Dense) if place[2].name in names]
    if not places:
        raise LmbookError(f"The model has no dense layer called {' or '.join(names)}.", "Look at its layers' names.")
    _change(model, [(*place, rank, alpha) for place in places])


def merge_lora(model: keras.Model) -> None:
    """Add every change to its matrix and put the plain layers back; all weights can be trained again."""
    for parent, attribute, layer in _places(model, LoRADense):
        layer.merge()
        _put(parent, attribute, layer.base)
    # It hands the word on to every layer and variable, but an assignment that changes nothing is passed over.
    for value in (False, True):
        model.trainable = value


def lora_layers(model: keras.Model) -> dict[str, LoRADense]:
    """The changed layers by the paths of their matrices, such as "block_0/attention/query"."""
    return {layer.base.path: layer for _, _, layer in _places(model, LoRADense)}


def dense_layers(model: keras.Model) -> dict[str, keras.layers.Dense]:
    """The plain dense layers by their paths; those beside which a change stands are not among them."""
    return {layer.path: layer for _, _, layer in _places(model, keras.layers.Dense)}


def save_lora(model: keras.Model, path: str | Path) -> Path:
    """Write the changes alone to an `.npz` file; the model's own weights are not in it."""
    arrays = {}
    for name, layer in lora_layers(model).items():
        arrays |= {f"{name}:a": np.asarray(layer.a), f"{name}:b": np.asarray(layer.b)}
        arrays[f"{name}:scale"] = np.float32(layer.scale)

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    return write_atomically(path, fill)


def load_lora(model: keras.Model, path: str | Path) -> None:
    """Add the changes that `save_lora` wrote to a plain model, built like the one that they are from.

    Raises:
        LmbookError: the file is missing, damaged, or does not fit the model; or the model has changes already.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        saved = {
            name.removesuffix(":a"): (arrays[name], arrays[name[:-1] + "b"], float(arrays[name[:-1] + "scale"]))
            for name in arrays
            if name.endswith(":a")
        }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise LmbookError(f"{path} holds no LoRA changes: {error}", "Give a file that save_lora wrote.") from error
    _check_plain(model)
    places = {place[2].path: place for place in _places(model, keras.layers.Dense)}
    for name, (a, b, _) in saved.items():
        found = places[name][2].kernel.shape if name in places else None
        if (a.shape[0], b.shape[-1]) != found:
            raise LmbookError(
                f"{path} changes {name!r}, a matrix {a.shape[0]} x {b.shape[-1]}; the model's is {found}.",
                "Load it into a model of the same configuration.",
            )
    _change(model, [(*places[name], a.shape[1], scale * a.shape[1]) for name, (a, _, scale) in saved.items()])
    for name, layer in lora_layers(model).items():
        layer.a.assign(saved[name][0])
        layer.b.assign(saved[name][1])


def _check_plain(model: keras.Model) -> None:
    if lora_layers(model):
        raise LmbookError("The model has LoRA layers already.", "Merge them first: merge_lora(model).")


def _change(model: keras.Model, places) -> None:
    """Freeze the model and change the places (parent, attribute, dense layer, rank, alpha)."""
    changed = [(parent, attribute, LoRADense(layer, rank, alpha)) for parent, attribute, layer, rank, alpha in places]
    for variable in model.trainable_variables:
        variable.trainable = False
    for place in changed:
        _put(*place)


def _places(model: keras.Model, kind: type) -> Iterator[tuple[keras.layers.Layer, str, keras.layers.Layer]]:
    """(layer, attribute, what it is) wherever an attribute of a layer of the model is a layer of this kind."""
    for parent in _all_layers(model):
        for attribute, value in list(vars(parent).items()):
            if type(value) is kind and not isinstance(parent, LoRADense):
                yield parent, attribute, value


def _all_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The model and every layer inside it, each once."""
    yield model
    waiting, seen = deque(_sublayers(model)), {id(model)}
    while waiting:
        layer = waiting.popleft()
        if id(layer) not in seen:
            seen.add(id(layer))
            yield layer
            waiting.extendleft(_sublayers(layer))


def _sublayers(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers that are attributes of a layer, alone or in a list."""
    for name, value in vars(layer).items():
        if not name.startswith("_"):
            values = value if isinstance(value, list | tuple) else [value]
            yield from (one for one in values if isinstance(one, keras.layers.Layer))


def _put(parent: keras.layers.Layer, attribute: str, layer: keras.layers.Layer) -> None:
    """Replace a sub-layer of a built layer; the order of the model's weights stays the same.

    Keras locks a built layer and has no public way to replace what is in it (its own `Dense.enable_lora` unlocks the
    same private tracker); `test_a_layer_inside_a_built_one_is_replaced` says what is relied on.
    """
    tracker, layers, old = parent._tracker, parent._layers, getattr(parent, attribute)
    locked, place = tracker.locked, next(index for index, known in enumerate(layers) if known is old)
    tracker.unlock()
    tracker.untrack(old)
    setattr(parent, attribute, layer)
    layers.insert(place, layers.pop())
    if locked:
        tracker.lock()
