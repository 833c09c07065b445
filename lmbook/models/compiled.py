"""Compiled functions of a model, made once and kept as long as the model lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any

import keras
import tensorflow as tf

_functions: weakref.WeakKeyDictionary[keras.Model, dict[Hashable, Any]] = weakref.WeakKeyDictionary()


def compiled(model: keras.Model, key: Hashable, make: Callable[[Callable[[], keras.Model]], Any]) -> Any:
    """What `make` returned for this model and key; compiling takes a second, so it is not done for each call.

    Args:
        model: the model that the functions compute with.
        key: what the functions are fixed to: shapes, ways of computing.
        make: builds the functions. It gets a function that returns the model and must keep no other reference to
            it, or the model would never be freed.
    """
    functions = _functions.setdefault(model, {})
    if key not in functions:
        functions[key] = make(weakref.ref(model))
    return functions[key]


def writer(model: keras.Model, batch_size: int) -> Callable:
    """Function of the next token of each row: ids [B], the state before -> (logits [B, V], the state after).

    Its shapes never change while those of prompts do, so it is a function of its own, and the same one for all ways of
    choosing tokens; a model that says `jit_compile_decoding` has it compiled by XLA.
    """

    def make(get_model):
        @tf.function(jit_compile=getattr(get_model(), "jit_compile_decoding", False))
        def write(ids, state):
            logits, state = get_model().step(ids[:, None], state)
            return logits[:, -1], state

        return write

    return compiled(model, ("write", batch_size), make)
