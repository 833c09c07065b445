"""Recorded figures inside sentences: `[[grammatical_share %]]` becomes `84 %` in the notebook and on the page.

The text of a lesson never holds a typed result. A mark names a figure of the lesson, and how it is shown: as it is with
three significant digits, with ` %` as a percentage, with ` .2` rounded to two places after the point.
"""

from __future__ import annotations

import re
from typing import Any

from lmbook.book.chapters import LessonFile
from lmbook.book.results import PROFILES, read_results
from lmbook.errors import LmbookError

_MARK = re.compile(r"\[\[(?!source )([A-Za-z][^\[\]|]*?)(?:\s(%|\.\d))?\]\]")  # [[source …]] is for source.py


def marks(text: str) -> list[str]:
    """The keys that a text's marks name."""
    return [_key(match) for match in _MARK.finditer(text)]


def _key(match: re.Match) -> str:
    """The figure that a mark names, also where an editor broke the line inside it."""
    return " ".join(match[1].split())


def filled(text: str, lesson: LessonFile, profile: str = "full") -> str:
    """`text` with each mark replaced by its figure: that of `profile`, else that of the other one.

    Raises:
        LmbookError: no such figure was recorded, or it cannot be shown as asked.
    """
    if not _MARK.search(text):
        return text
    order = [profile, *(other for other in PROFILES if other != profile)]
    recorded = [result["figures"] for name in order if (result := read_results(lesson, name)) is not None]

    def shown(match: re.Match) -> str:
        key = _key(match)
        for figures in recorded:
            if key in figures:
                return _shown(figures[key]["value"], match[2], match[0])
        if not recorded:
            return "(not recorded yet)"
        raise LmbookError(
            f"{lesson.name}: the mark {match[0]} names no recorded figure.",
            f"Correct the key, or run: lmbook run {lesson.name} --full --record",
        )

    return _MARK.sub(shown, text)


def _shown(value: Any, style: str | None, mark: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if style == "%":
        return f"{_significant(100 * value)} %"
    if style:
        return f"{value:,.{style[1]}f}"
    return f"{value:,}" if isinstance(value, int) else _significant(value)


def _significant(value: float) -> str:
    """Three significant digits, without an exponent where a reader would not expect one; 99.96 stays below 100."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        text = f"{value:.3g}"
        return f"{float(text):,.0f}" if "e" in text or abs(float(text)) >= 1000 else text
    return f"{value:.2e}"
