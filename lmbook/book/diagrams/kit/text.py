"""How wide a text will be, how words and numbers are written, and which words a diagram can take."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from lmbook.errors import LmbookError

SIZE = 15  # of words and labels
SMALL = 14  # of notes; the smallest of all
MATH = 18  # of symbols with a subscript, which is SMALL

# Widths in thousandths of the size: the larger of Arial's and DejaVu Sans', so that a text fits in any usual font.
_WIDTHS = {
    320: " ijlI'|,.·’",
    360: "/:;\\f-`",
    400: "()[]!t*ᵀ",
    430: 'r"',
    550: "szckJL?–“”^_",
    640: "vxyaeoθTFPghnuéΣ√ση0123456789bdpqS${}",
    700: "ABCEKRVXYZ",
    760: "DGHNU&",
    840: "wOQ#+<=>~−×",
    870: "M",
    1000: "mW%@…→←",
}
_WIDTH_OF = {character: width for width, characters in _WIDTHS.items() for character in characters}
_BOLD = 1.12
_LONGEST = 154  # pixels of a word

Label = str | Sequence[str]  # a sequence alternates: text, subscript, text, subscript, …


def text_width(label: Label, size: float = SIZE, bold: bool = False) -> float:
    """Pixels that the label needs at most. Han characters are as wide as they are high."""
    if not isinstance(label, str):
        return sum(text_width(part, subscript_size(size) if i % 2 else size, bold) for i, part in enumerate(label))
    return sum(map(_width, label)) * size / 1000 * (_BOLD if bold else 1)


def _width(character: str) -> int:
    if character in _WIDTH_OF:
        return _WIDTH_OF[character]
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return 1400 if character >= "\U0001f000" else 1000  # pictures are wider than Han
    return 760 if character.isalpha() else 1000


def subscript_size(size: float) -> float:
    return max(SMALL, 0.75 * size)


def number(value: float, decimals: int | None = None) -> str:
    """The value with a real minus sign and so many decimals; None: two, or one where the second is 0."""
    text = f"{value:.{2 if decimals is None else decimals}f}"
    if decimals is None and text.endswith("0"):
        text = text[:-1]
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def visible(word: str) -> str:
    """The word with its white space at the ends and its line breaks as signs that can be seen."""
    for character, sign in (("\n", "↵"), ("\r", "↵"), ("\t", "→")):
        word = word.replace(character, sign)
    word = "".join(
        character if unicodedata.category(character) not in ("Cc", "Cs", "Cn") else "\ufffd" for character in word
    )
    inner = word.strip(" ")
    before, after = len(word) - len(word.lstrip(" ")), len(word) - len(word.rstrip(" "))
    return "␣" * before + inner + "␣" * after if inner else "␣" * len(word)


def check_words(words: Sequence[str], what: str = "words", least: int = 2, most: int = 8) -> list[str]:
    """The words as they are drawn.

    Raises:
        LmbookError: they are not a list of words, too few or too many, or one is empty or too long to be drawn.
    """
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise LmbookError(f"{what}={words!r} is not a list of words.", f'Write for example {what}=["the", "cat"].')
    if not least <= len(words) <= most:
        raise LmbookError(f"{what} has {len(words)} entries.", f"The picture is for {least} to {most}; choose a part.")
    for word in words:
        if not word:
            raise LmbookError(f"{what} has an empty word.", "Leave it out, or write a sign for it.")
        check_fits(visible(word), what)
    return [visible(word) for word in words]


def check_fits(text: str, what: str, width: float = _LONGEST) -> None:
    """Raises LmbookError when the text is wider than the picture has room for."""
    if text_width(text) > width:
        letters = int(width / text_width("n"))
        raise LmbookError(
            f"{what}: {text!r} is too long for the picture.", f"Use a shorter text: up to about {letters} letters."
        )
