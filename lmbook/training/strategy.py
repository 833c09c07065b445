"""On which devices a model is trained."""

from __future__ import annotations

from functools import cache

import tensorflow as tf

from lmbook.errors import LmbookError

NAMES = ("auto", "default", "mirrored")


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """The `tf.distribute` strategy called `name`. Make the model inside its `scope()`.

    "default" is TensorFlow's own choice: one GPU where there is one, otherwise the CPU. "mirrored" keeps a copy of the
    model on every GPU and shares each batch out among them. "auto" is "mirrored" with several GPUs, else "default".

    Raises:
        LmbookError: the name is not known, or "mirrored" finds fewer than two GPUs.
    """
    if name not in NAMES:
        raise LmbookError(f"There is no strategy called {name!r}.", f"Choose one of {', '.join(NAMES)}.")
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "default"
    if name == "default":
        return tf.distribute.get_strategy()
    if len(gpus) < 2:
        found = "1 GPU" if gpus else "no GPU"
        raise LmbookError(
            f"The strategy 'mirrored' needs at least two GPUs; TensorFlow finds {found}.",
            "Use the strategy auto or default; `lmbook doctor` shows the devices.",
        )
    return _mirrored(tuple(device.name for device in gpus))


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One object for each set of devices: two in one process disturb each other's reductions."""
    return tf.distribute.MirroredStrategy(list(devices))
