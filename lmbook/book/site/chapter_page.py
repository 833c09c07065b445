"""A chapter's page: its question, what one can do afterwards, its map and lessons, and then its README."""

from __future__ import annotations

import re

from lmbook.book.chapters import LessonFile
from lmbook.book.contents import Chapter
from lmbook.book.listing import seconds
from lmbook.book.site.drawings import chapter_map
from lmbook.book.site.links import site_links

_FIGURE = re.compile(
    r"<!-- figure: (\w+) (\w+) -->\n!\[(.*?)\]\(([^)]+)\)\n\n\*.*?\*\n<!-- end -->", re.S
)  # as lmbook.book.pages writes it
_MARKER = re.compile(r"<!-- (?:results|table|value|figure|benchmark): [^>]*-->\n?|\n?<!-- end -->")
_LESSON_TABLE = re.compile(r"<!-- lessons -->.*?<!-- end -->\n*", re.S)


def chapter_page(chapter: Chapter, readme: str, book: list[LessonFile]) -> str:
    """The Markdown of the chapter's page, made of the contents, the recorded seconds, and the chapter's `readme`."""
    known = {lesson.name: lesson for lesson in book}
    listed = [f"/chapters/{known[entry.name].chapter}/{entry.name}" for entry in chapter.lessons]
    title, _, body = readme.partition("\n")
    introduction, rest = split_at_heading(_LESSON_TABLE.sub("", body))
    parts = [
        title,
        f":::{{container}} chapter-question\n{chapter.question}\n:::",
        site_links(markers_away(introduction), f"chapters/{chapter.folder}", book).strip(),
        "## Afterwards you can",
        "\n".join(f"- {sentence}" + (";" if more else ".") for sentence, more in _last_marked(chapter.afterwards)),
        "## Lessons",
        f"```{{raw}} html\n{chapter_map(chapter, known)}\n```",
        lesson_table(chapter, known),
        toctree([*listed, *_measured(chapter, book)]),
        site_links(markers_away(rest), f"chapters/{chapter.folder}", book).strip(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _measured(chapter: Chapter, book: list[LessonFile]) -> list[str]:
    """The chapter's page of figures, if it has one."""
    path = book[0].path.parents[1] / chapter.folder / "measured.md"
    return [f"/chapters/{chapter.folder}/measured"] if path.exists() else []


def toctree(pages: list[str], caption: str = "") -> str:
    """A hidden list of pages: it makes the sidebar, and the order of "next" and "previous"."""
    options = ":hidden:" + (f"\n:caption: {caption}" if caption else "")
    return "\n".join(["```{toctree}", options, "", *pages, "```"])


def split_at_heading(text: str) -> tuple[str, str]:
    """What stands before the first heading of the second level, and from there on."""
    found = re.search(r"^## ", text, re.M)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def markers_away(text: str) -> str:
    """The README without its markers; a marked picture becomes a numbered figure with a label."""
    figure = r":::{figure} \4\n:alt: \3\n:name: \1-\2\n\n\3.\n:::"
    return _MARKER.sub("", _FIGURE.sub(figure, text))


def lesson_table(chapter: Chapter, known: dict[str, LessonFile]) -> str:
    """The chapter's lessons with their questions and measured times."""
    lines = ["| lesson | what it answers | quick run | full run |", "|---|---|---:|---:|"]
    for entry in chapter.lessons:
        lesson = known[entry.name]
        link = f"[{lesson.fields.get('Title', entry.name)}](/chapters/{lesson.chapter}/{entry.name}.ipynb)"
        lines.append(f"| {link} | {entry.question} | {seconds(lesson, 'quick')} | {seconds(lesson, 'full')} |")
    return "\n".join(lines)


def _last_marked(sentences: tuple[str, ...]) -> list[tuple[str, bool]]:
    """Each sentence, and whether another one follows."""
    return [(sentence, index < len(sentences) - 1) for index, sentence in enumerate(sentences)]
