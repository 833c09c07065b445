"""Whether a lesson has a use for a reader's own text."""

from __future__ import annotations

import re
from pathlib import Path

from lmbook.book.chapters import LessonFile
from lmbook.errors import LmbookError


def check_used(lesson: LessonFile, corpus: str | None, text: Path | None) -> None:
    """Refuse a `--text` or `--corpus` that the lesson's code never asks for: who gave one expects that it matters.

    What a lesson asks for and then leaves aside, it says itself.

    Raises:
        LmbookError: it has no use for what was given.
    """
    for option, given, attribute in (("--text", text, "text"), ("--corpus", corpus, "corpus")):
        if given is not None and not _asks_for(lesson, attribute):
            raise LmbookError(
                f"The lesson {lesson.name} has no use for {option}: it makes all that it reads.", f"Leave {option} out."
            )


def _asks_for(lesson: LessonFile, attribute: str) -> bool:
    code = lesson.path.read_text(encoding="utf-8")
    return re.search(rf"\blesson\.({attribute}|own_text|real_corpus)\b", code) is not None
