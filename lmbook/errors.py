"""The one kind of error that a reader of the book can cause."""

from __future__ import annotations


class LmbookError(Exception):
    """Something the reader gave cannot be used.

    Args:
        message: what is wrong, naming the offending value.
        fix: what to do about it, as a sentence or a command.
    """

    _keras_call_info_injected = True  # Keras would put another error, without a fix, in the place of one from a layer

    def __init__(self, message: str, fix: str = ""):
        super().__init__(f"{message} {fix}".strip())
        self.message = message
        self.fix = fix
