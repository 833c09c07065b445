"""The generated parts of the book's pages: tables and numbers from the results files, and the notebooks.

A page is a README with markers; the text between a marker and the next `<!-- end -->` is generated. CONTRIBUTING.md
lists the markers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from lmbook.book.chapters import LessonFile, chapters_dir, lessons
from lmbook.book.contents import read_contents
from lmbook.book.notebooks import notebook, stale_cells
from lmbook.book.site.drawings import road_alone
from lmbook.book.tables import (
    benchmark_table,
    chapter_table,
    figure_table,
    lesson_table,
    picture,
    recorded_table,
    recorded_value,
    results_table,
)
from lmbook.errors import LmbookError
from lmbook.files import write_text

_MARKER = re.compile(
    r"(<!-- (results|table|value|figure|chapters|lessons|figures|benchmark)(?:: ([^>]*?))? -->)(.*?)(<!-- end -->)",
    re.S,
)


def generated(folder: Path | None = None) -> dict[Path, str]:
    """What every page and notebook of the book should hold: path → text.

    Raises:
        LmbookError: a marker names a lesson, figure or table that does not exist.
    """
    folder = folder or chapters_dir()
    book = lessons(folder)
    wanted = {lesson.path.with_suffix(".ipynb"): notebook(lesson) for lesson in book}
    root = folder.parent
    if (root / "docs" / "road.svg").exists():
        wanted[root / "docs" / "road.svg"] = road_alone(read_contents(folder).chapters)
    pages = [root / "README.md", root / "docs" / "results.md", root / "benchmarks" / "README.md"]
    for page in (*pages, *sorted(folder.glob("*/README.md")), *sorted(folder.glob("*/measured.md"))):
        if page.exists():
            wanted[page] = fill(page.read_text(encoding="utf-8"), page, book)
    return wanted


def out_of_step(folder: Path | None = None) -> list[Path]:
    """The pages and notebooks that differ from what they should hold."""
    return [path for path, text in generated(folder).items() if not path.exists() or _read(path) != text]


def unrecorded(folder: Path | None = None) -> dict[str, list[int]]:
    """The lessons with cells whose outputs are missing or of earlier code: name → the lines where those cells begin."""
    found = {lesson.name: stale_cells(lesson) for lesson in lessons(folder or chapters_dir())}
    return {name: lines for name, lines in found.items() if lines}


def update(folder: Path | None = None) -> list[Path]:
    """Write the pages and notebooks that are out of step; gives their paths."""
    wanted = generated(folder)
    changed = [path for path, text in wanted.items() if not path.exists() or _read(path) != text]
    for path in changed:
        write_text(path, wanted[path])
    return changed


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")  # line ends as \n, also where git wrote \r\n


def fill(text: str, page: Path, book: list[LessonFile]) -> str:
    """`text` of `page` with every marker's part made anew."""
    known = {lesson.name: lesson for lesson in book}

    def replace(match: re.Match) -> str:
        kind, words = match[2], (match[3] or "").split()
        try:
            if kind in _LISTS:
                made = _LISTS[kind](book, _way(page, book))
            elif kind == "lessons":
                made = lesson_table(book, page.parent.name)
            elif kind == "benchmark":
                made = benchmark_table(page.parent, words)
            else:
                if not words:
                    raise LmbookError(f"The marker {match[1]} names no lesson.")
                if words[0] not in known:
                    raise LmbookError(f"The marker {match[1]} names no lesson of the book.")
                if kind == "value" and text[: match.start()].endswith("\n"):
                    raise LmbookError(
                        f"The marker {match[1]} begins a line.",
                        "Put a word before it: Markdown takes a line that begins with a comment for HTML.",
                    )
                made = _PARTS[kind](known[words[0]], words[1:])
        except LmbookError as error:
            raise LmbookError(f"{page}: {error.message}", error.fix) from error
        return f"{match[1]}{made}{match[5]}" if kind == "value" else f"{match[1]}\n{made}\n{match[5]}"

    return _MARKER.sub(replace, text)


def _way(page: Path, book: list[LessonFile]) -> str:
    """From the page's folder to that of the chapters, as in a link."""
    return Path(os.path.relpath(book[0].path.parents[1], page.parent)).as_posix() if book else ""


_LISTS = {"chapters": chapter_table, "figures": figure_table}
_PARTS: dict[str, Callable[[LessonFile, list[str]], str]] = {
    "results": results_table,
    "table": recorded_table,
    "value": recorded_value,
    "figure": picture,
}
