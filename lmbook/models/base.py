"""What all models share: one precision for the whole of a model, and a configuration."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from lmbook.errors import LmbookError


def check_precision(model: keras.Model) -> None:
    """A model computes as this process does, so that what is made inside it and around it does too.

    Raises:
        LmbookError: it has another dtype policy than `keras.config.dtype_policy()`.
    """
    wanted, here = model.dtype_policy.name, keras.config.dtype_policy().name
    if wanted != here:
        raise LmbookError(
            f"{type(model).__name__} {model.name!r} has the dtype policy {wanted}, this process {here}: a part of the "
            "model would compute otherwise than the rest.",
            f'Call keras.config.set_dtype_policy("{wanted}") before the model is made, and leave out dtype.',
        )


class BaseModel(keras.Model):
    """A model whose precision is that of the process that makes or loads it, whichever it was saved under.

    Raises:
        LmbookError: `dtype` is given and differs from the policy of the process, which its layers take.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        check_precision(self)

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name != "dtype"}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects=None):
        # Earlier files say under which policy they were saved.
        config = {name: value for name, value in config.items() if name != "dtype"}
        return super().from_config(config, custom_objects)


class ConfiguredModel(BaseModel):
    """A model that is made from one configuration, a dataclass that `config_class` names.

    Args:
        config: a `config_class`, or a dict of its fields, as `get_config` gives it.
    """

    config_class: type

    def __init__(self, config: Any, **kwargs):
        super().__init__(**kwargs)
        self.config = config if isinstance(config, self.config_class) else self.config_class(**config)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}
