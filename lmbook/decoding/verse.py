"""The form of the Chinese quatrain, as a test and as a constraint: four lines of five or seven characters."""

from __future__ import annotations

import re
from collections.abc import Callable

from lmbook.decoding.constraints import Automaton, lines
from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import Tokenizer

LENGTHS = (5, 7)  # characters in a line
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_is_han = re.compile(f"[{_HAN}]").fullmatch


def form_of(text: str) -> int | None:
    """Characters in a line if `text` is a quatrain, else None.

    The form: two rows of two lines, each row `XXXXX，XXXXX。`, all lines of five or all of seven characters. Tones and
    rhyme are part of the form too, but are not looked at.
    """
    for length in LENGTHS:
        if re.fullmatch(f"(?:[{_HAN}]{{{length}}}，[{_HAN}]{{{length}}}。(?:\n(?!$)|$)){{2}}", text):
            return length
    return None


def even_lines(text: str) -> bool:
    """Whether all lines of a poem, however many, have the same number of characters, five or seven."""
    sizes = {len(line) for line in re.split("[，。]\n?", text.removesuffix("。"))}
    return len(sizes) == 1 and sizes <= set(LENGTHS)


def quatrain(length: int, tokenizer: Tokenizer, written: int = 0) -> Automaton:
    """The form as a constraint, for a tokenizer of characters.

    Args:
        length: characters in a line, 5 or 7.
        tokenizer: the model's; its `end_id` closes the poem.
        written: how many tokens of the poem the prompt has.

    Raises:
        LmbookError: another length, or a mark of the form is not among the tokens.
    """
    if length not in LENGTHS:
        raise LmbookError(f"A line of {length} characters is not of this form.", "Choose 5 or 7.")
    missing = [mark for mark in "，。\n" if mark not in tokenizer.tokens]
    if missing:
        raise LmbookError(f"The tokenizer has no {missing[0]!r}.", "Train it on poems, one row of two lines each.")
    character = lambda text: _is_han(text) is not None  # noqa: E731
    row: list[Callable[[str], bool]] = [*[character] * length, "，".__eq__, *[character] * length, "。".__eq__]
    return lines([*row, "\n".__eq__, *row][written:], tokenizer)
