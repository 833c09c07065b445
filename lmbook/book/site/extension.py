"""What the site adds to Sphinx: lessons as pages, formulas, links to the glossary, the search."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from lmbook.book.chapters import lessons
from lmbook.book.contents import read_contents
from lmbook.book.site import epub, first_uses, formulas, lighter, search_index, spoken
from lmbook.book.site.lesson_page import lesson_page


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx, because conf.py names this module."""
    app.add_config_value("lmbook_chapters", "", "env", str)  # the folder of the chapters
    app.connect("config-inited", _find_references, priority=1)  # before the bibliography looks for them
    app.connect("source-read", _read_lesson)
    for part in (formulas, first_uses, search_index, spoken, lighter, epub):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _find_references(app: Sphinx, config: Config) -> None:
    config.bibtex_bibfiles = [str(Path(app.srcdir) / "docs" / "references.bib")]


def _read_lesson(app: Sphinx, page: str, source: list[str]) -> None:
    folder = Path(app.config.lmbook_chapters)
    book = lessons(folder)
    lesson = next((each for each in book if page == f"chapters/{each.chapter}/{each.name}"), None)
    if lesson is not None:
        source[0] = lesson_page(source[0], lesson, read_contents(folder), book)
