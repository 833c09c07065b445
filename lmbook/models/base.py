"""What all models share: a configuration, a precision, and the shapes that Keras shows."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from lmbook.former_names import present_config


class BaseModel(keras.Model):
    """A model whose weights are all there when it is made.

    Every model here hands its dtype policy to all of its layers. A model that was made without `dtype` takes the policy
    of the process (`keras.config.dtype_policy()`), and takes it again when it is loaded: what was trained in
    mixed_bfloat16 on a GPU is loaded in float32 elsewhere. One that was made with `dtype` is saved and loaded with it.

    Args:
        dtype: policy of the whole model, such as "mixed_bfloat16"; None: that of the process.
    """

    def __init__(self, *, dtype: Any = None, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.own_dtype = None if dtype is None else self.dtype_policy.name

    def build(self, input_shape):
        # There is nothing left to make. A model builds those inside it, so that Keras notes the shape: `summary()`
        # computes from it what it shows. It does not build itself, since Keras then takes no layers of a subclass.
        self.built = True

    def compute_output_spec(self, *args, **kwargs):
        # By tracing `call`: `compute_output_shape` knows neither of float32 logits nor of what is given on request.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = {name: value for name, value in super().get_config().items() if name != "dtype"}
        return config if self.own_dtype is None else {**config, "dtype": self.own_dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects=None):
        # A policy in any other form than its name stands in files of early versions, which always wrote the process's.
        if not isinstance(config.get("dtype"), str):
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
        self.config = as_config(self.config_class, config)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


def as_config(config_class: type, config: Any) -> Any:
    """The configuration itself, or the one made from a dict of its fields, in the names of any version."""
    return config if isinstance(config, config_class) else config_class(**present_config(config))


def longest_text(model: keras.Model) -> int | None:
    """The most tokens that the model can read in one go, prompt and continuation together; None: any number."""
    return getattr(getattr(model, "config", None), "max_sequence_length", None)
