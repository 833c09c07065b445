"""Finding the lessons of the book and reading their headers, without running or importing them.

A lesson is `chapters/NN_topic/name.py` in percent format. Its first cell is a markdown cell with the title as a heading
and a list of fields::

    # %% [markdown]
    # # The LSTM baseline
    #
    # - Article section: §5
    # - Needs: n_grams, recurrent_networks
    # - Data: greentree
    # - Minutes: quick 1, full 8
    # - Memory: 1.1 GB
    # - Shows: what a plain LSTM reaches when the article's program is mended
    # - Headline: excess_nats_per_word

A field may go on in indented lines. `Headline` (optional) names the recorded figures for the table of chapters.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from lmbook.book.contents import read_contents
from lmbook.errors import LmbookError

PACKAGE = Path(__file__).resolve().parents[1]
FIELDS = ("Title", "Article section", "Needs", "Data", "Minutes", "Memory", "Shows")
OPTIONAL_FIELDS = ("Headline",)

_NAMES = "|".join(FIELDS + OPTIONAL_FIELDS)
_FIELD = re.compile(rf"^[-*\s]*({_NAMES})(?:\*\*)?\s*:(?:\*\*)?\s*(.*)$", re.I)  # a list mark and bold are allowed


@dataclass(frozen=True)
class LessonFile:
    """One lesson on disk.

    Args:
        name: the file's name without `.py`; lessons have distinct names over the whole book.
        path: the `.py` file.
        fields: the header, keyed by the names in `FIELDS` (and `Headline`); missing fields are absent.
    """

    name: str
    path: Path
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def chapter(self) -> str:
        """The chapter's folder name, as `04_lstm_baseline`."""
        return self.path.parent.name

    @property
    def missing_fields(self) -> list[str]:
        """The required fields that the header lacks."""
        return [name for name in FIELDS if not self.fields.get(name)]

    @property
    def headline(self) -> list[str]:
        """The keys of the figures that the table of chapters shows; empty when the header names none."""
        return [key for key in re.split(r"[,\s]+", self.fields.get("Headline", "")) if key]


def chapters_dir() -> Path:
    """The folder with the chapters.

    It is what `LMBOOK_CHAPTERS` names; else the one beside the package (a checkout); else the nearest one, in this
    folder or in those above it; else the one that came with the installed package.

    Raises:
        LmbookError: there is none.
    """
    named = os.environ.get("LMBOOK_CHAPTERS")
    if named:
        if not Path(named).is_dir():
            raise LmbookError(
                f"LMBOOK_CHAPTERS names {named}, which is not a folder.", "Correct or unset the variable."
            )
        return Path(named).resolve()
    here = Path.cwd()
    for place in (PACKAGE.parent, here, *here.parents, PACKAGE / "shipped"):
        if any((place / "chapters").glob("[0-9][0-9]_*/*.py")):
            return (place / "chapters").resolve()
    raise LmbookError(
        "The folder chapters/ with the lessons was not found.",
        "Run the command in the book's own folder, or set LMBOOK_CHAPTERS to its chapters folder.",
    )


def read_header(source: str) -> dict[str, str]:
    """The fields of a lesson's first markdown cell; the first heading is the `Title` when none is named."""
    fields: dict[str, str] = {}
    current = None
    for line in _first_markdown_cell(source):
        heading = re.match(r"^#\s+(.*)$", line)
        match = _FIELD.match(line)
        if match:
            current = next(name for name in FIELDS + OPTIONAL_FIELDS if name.lower() == match[1].lower())
            fields[current] = match[2].strip()
        elif heading:
            fields.setdefault("Title", heading[1].strip())
            current = None
        elif current and line.startswith(" ") and line.strip():
            fields[current] = f"{fields[current]} {line.strip()}"
        else:
            current = None
    return fields


def _first_markdown_cell(source: str) -> list[str]:
    lines = iter(source.splitlines())
    for line in lines:
        if re.match(r"^# %%\s*\[markdown\]", line):
            break
    cell = []
    for line in lines:
        if line.startswith("# %%") or not line.startswith("#"):
            break
        cell.append(line[2:] if line.startswith("# ") else line[1:])
    return cell


def lessons(folder: Path | None = None) -> list[LessonFile]:
    """All lessons in reading order: that of `contents.toml`.

    Lessons that the contents do not name come at the end: chapters by number, and in each a lesson after those that it
    needs.
    """
    folder = folder or chapters_dir()
    found: list[LessonFile] = []
    for chapter in sorted(path for path in folder.iterdir() if path.is_dir() and re.match(r"\d\d_", path.name)):
        files = [
            LessonFile(path.stem, path, read_header(path.read_text(encoding="utf-8")))
            for path in sorted(chapter.glob("*.py"))
            if not path.name.startswith("_")
        ]
        found += _needed_first(files)
    listed = list(read_contents(folder).lessons)
    place = {name: index for index, name in enumerate(listed)}
    return sorted(found, key=lambda lesson: place.get(lesson.name, len(listed)))


def _needed_first(files: list[LessonFile]) -> list[LessonFile]:
    ordered: list[LessonFile] = []
    waiting = list(files)
    while waiting:
        names = {lesson.name for lesson in waiting}
        ready = [
            lesson
            for lesson in waiting
            if not (set(re.findall(r"\w+", lesson.fields.get("Needs", ""))) & (names - {lesson.name}))
        ]
        ready = ready[:1] or waiting[:1]  # two lessons that need each other: keep them by name
        ordered += ready
        waiting.remove(ready[0])
    return ordered


def find_lesson(name: str, folder: Path | None = None) -> LessonFile:
    """The lesson called `name`.

    Raises:
        LmbookError: there is none; the message names the nearest.
    """
    known = {lesson.name: lesson for lesson in lessons(folder)}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else "`lmbook lessons` lists them."
    raise LmbookError(f"There is no lesson called {name!r}.", hint)
