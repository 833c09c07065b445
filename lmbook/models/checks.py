"""What the configurations of several models check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lmbook.errors import LmbookError


def check_counts(config: Any, *names: str) -> None:
    """Fields are whole numbers of at least 1.

    Raises:
        LmbookError: one is not; it is named with its value. So do the other functions here.
    """
    for name in names:
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise LmbookError(f"{name}={value!r} is not a whole number of at least 1.", f"Choose {name} >= 1.")


def check_choice(config: Any, name: str, known: Iterable[str]) -> None:
    """A field is one of `known`."""
    value = getattr(config, name)
    if value not in known:
        raise LmbookError(f"{name}={value!r} is not known.", f"Choose one of {', '.join(known)}.")


def check_dropout(config: Any) -> None:
    """The field `dropout` is a share."""
    if not 0.0 <= config.dropout < 1.0:
        raise LmbookError(f"dropout={config.dropout!r} is not in [0, 1).", "Choose for example 0.1.")


def check_heads(config: Any) -> None:
    """The heads of attention divide the width into parts of even width (rotary positions turn pairs)."""
    if config.hidden_dim % (2 * config.num_heads):
        raise LmbookError(
            f"hidden_dim={config.hidden_dim} is not an even multiple of num_heads={config.num_heads}.",
            f"Choose a multiple of {2 * config.num_heads}.",
        )


def check_pad_id(config: Any) -> None:
    """The field `pad_id` is a token id."""
    pad_id, size = config.pad_id, config.vocabulary_size
    if isinstance(pad_id, bool) or not isinstance(pad_id, int) or not 0 <= pad_id < size:
        raise LmbookError(
            f"pad_id={pad_id!r} is not an id from 0 to {size - 1}.", "Give the tokenizer's: pad_id=tokenizer.pad_id."
        )
