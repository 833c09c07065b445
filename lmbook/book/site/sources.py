"""The tree of sources that Sphinx reads: the book's own files where they lie, and the pages made of them."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from lmbook.book.chapters import lessons
from lmbook.book.contents import Chapter, Contents, read_contents
from lmbook.book.site.chapter_page import chapter_page, markers_away, toctree
from lmbook.book.site.glossary import glossary_directive
from lmbook.book.site.home import HOME_PICTURE, home_page, picture_file
from lmbook.book.site.links import page_source, site_links
from lmbook.errors import LmbookError

REFERENCE = (  # what comes first in the sidebar's last part; other pages of docs/ follow by name
    "docs/glossary",
    "docs/library",
    "docs/clusters",
    "data/greentree/index",
    "benchmarks/index",
    "docs/contributing",
    "docs/references",
    "docs/results",
)

PAGES = ("docs/*.md", "data/*/README.md", "benchmarks/README.md", "CONTRIBUTING.md", "chapters/*/measured.md")


def lay_out(folder: Path, target: Path) -> None:
    """Write to `target` the site's sources for the chapters in `folder` and what lies beside it.

    The tree is that of the repository, so that links between its files stay right.

    Raises:
        LmbookError: the chapters have no contents.toml, or it names a lesson that is not there.
    """
    for name, source in sources(folder).items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path):
            source = source.read_bytes()
        path.write_bytes(source.encode("utf-8") if isinstance(source, str) else source)


def sources(folder: Path) -> dict[str, str | bytes | Path]:
    """Every source of the site by its path: a text or picture that is made, or the file that is taken as it is."""
    root, book, contents = folder.parent, lessons(folder), checked_contents(folder)
    found: dict[str, str | bytes | Path] = {}
    for chapter in contents.chapters:
        readme = (folder / chapter.folder / "README.md").read_text(encoding="utf-8")
        found[f"chapters/{chapter.folder}/index.md"] = chapter_page(chapter, readme, book)
        for path in _files(folder / chapter.folder, "*.ipynb", "*.py", "figures/*"):
            found[path.relative_to(root).as_posix()] = path
    for path in _files(root, "docs/*", "benchmarks/*.py", "lmbook/**/*.py"):  # programs: for links and literalinclude
        found[path.relative_to(root).as_posix()] = path
    for path in _files(
        root, "docs/*.md", "data/*/README.md", "benchmarks/README.md", "CONTRIBUTING.md", "chapters/*/measured.md"
    ):
        text = markers_away(path.read_text(encoding="utf-8"))
        text = glossary_directive(text) if path.name == "glossary.md" else text
        name = path.relative_to(root).as_posix()
        found[page_source(name)] = site_links(text, posixpath.dirname(name), book)
    if picture := picture_file(contents, book):
        found[HOME_PICTURE.strip("/")] = picture
    found["index.md"] = home_page(contents, book, _toctrees(contents.chapters, found))
    return found


def checked_contents(folder: Path) -> Contents:
    """The contents of the book in `folder`: there are some, and they name only lessons that are there."""
    path, contents = folder / "contents.toml", read_contents(folder)
    if not contents.chapters:
        raise LmbookError(f"There is no {path}.", "The site needs the book's list of chapters.")
    missing = set(contents.lessons) - {lesson.name for lesson in lessons(folder)}
    if missing:
        raise LmbookError(f"{path} names lessons that are not there: {', '.join(sorted(missing))}.", "Correct it.")
    return contents


def _files(root: Path, *patterns: str) -> list[Path]:
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return sorted(path for path in found if "__pycache__" not in path.parts)


def _toctrees(chapters: tuple[Chapter, ...], found: dict[str, str | bytes | Path]) -> str:
    """The sidebar: the chapters by parts, then the reference pages."""
    parts = list(dict.fromkeys(chapter.part for chapter in chapters))
    lists = [
        toctree([f"chapters/{chapter.folder}/index" for chapter in chapters if chapter.part == part], part)
        for part in parts
    ]
    pages = sorted(
        (name[: -len(".md")] for name in found if re.fullmatch(r"(docs|benchmarks|data)/.*\.md", name)),
        key=lambda name: (REFERENCE.index(name) if name in REFERENCE else len(REFERENCE), name),
    )
    return "\n\n".join([*lists, toctree(pages, "To look things up")])
