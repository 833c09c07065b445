"""Find what a generated text copies word for word from the training text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError

_SHIFT = 0x100  # ids become characters from here on; what is below separates documents
_SURROGATES = range(0xD800, 0xE000)  # are no characters


class CopyFinder:
    """Finds the longest run of tokens that a text shares with a training text.

    Args:
        documents: the training text, lists of ids. No run reaches from one document into the next.

    Example:
        >>> CopyFinder([[5, 6, 7, 8], [9, 5]]).longest([3, 6, 7, 8, 9, 5])
        (1, 3)

    Raises:
        LmbookError: there is no token.
    """

    def __init__(self, documents: Sequence[Sequence[int]]):
        self._text = "\n".join(_characters(document) for document in documents)
        if not self._text.strip("\n"):
            raise LmbookError("The training text is empty.", "Give the documents that the model was trained on.")

    def longest(self, ids: Sequence[int]) -> tuple[int, int]:
        """(start, length) of the longest run of `ids` in the training text, the first of several; (0, 0) if none.

        It looks for a longer run than the best so far at each place, so the text is searched at most twice for each id.
        """
        text = _characters(ids)
        start = length = place = 0
        while place + length < len(text):
            if text[place : place + length + 1] in self._text:
                start, length = place, length + 1
            else:
                place += 1
        return start, length

    def mean_length(self, texts: Sequence[Sequence[int]]) -> float:
        """The mean of the longest runs' lengths.

        Raises:
            LmbookError: there is no text.
        """
        if not texts:
            raise LmbookError("There are no texts to look for copies in.", "Give at least one.")
        return float(np.mean([self.longest(text)[1] for text in texts]))


def _characters(ids: Sequence[int]) -> str:
    """One character for each id."""
    shifted = (int(id) + _SHIFT for id in ids)
    return "".join(chr(code if code < _SURROGATES.start else code + len(_SURROGATES)) for code in shifted)
