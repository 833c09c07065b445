"""The table of contents, `chapters/contents.toml`: chapters and lessons in the order in which they are read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class LessonEntry:
    """A lesson's line in the contents: its name, and the question that it answers."""

    name: str
    question: str


@dataclass(frozen=True)
class Chapter:
    """A chapter of the contents.

    Args:
        folder: its folder in `chapters/`, as `04_lstm_baseline`.
        title: without a number.
        part: the part of the book that it belongs to.
        question: what the chapter answers.
        afterwards: what a reader can do then; each goes on from "you can".
        lessons: in reading order; a lesson's file may lie in another chapter's folder.
    """

    folder: str
    title: str
    part: str
    question: str
    afterwards: tuple[str, ...]
    lessons: tuple[LessonEntry, ...]

    @property
    def number(self) -> int:
        """The number that the folder's name begins with."""
        return int(self.folder[:2])


@dataclass(frozen=True)
class HomePicture:
    """The picture on the home page: the lesson that recorded it, its name there, and what it shows."""

    lesson: str
    picture: str
    text: str


@dataclass(frozen=True)
class Contents:
    """What `contents.toml` holds; empty when there is none."""

    chapters: tuple[Chapter, ...] = ()
    home: HomePicture | None = None

    @property
    def lessons(self) -> dict[str, LessonEntry]:
        """The entries of all lessons by name, in reading order."""
        return {entry.name: entry for chapter in self.chapters for entry in chapter.lessons}


def read_contents(folder: Path) -> Contents:
    """The contents of the book in `folder`.

    Raises:
        LmbookError: the file is not TOML, or a chapter or lesson lacks a field.
    """
    path = folder / "contents.toml"
    if not path.exists():
        return Contents()
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        home = HomePicture(**fields["home"]) if "home" in fields else None
        return Contents(tuple(_chapter(chapter) for chapter in fields["chapter"]), home)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise LmbookError(
            f"{path} cannot be read: {type(error).__name__}: {error}.",
            "Each [[chapter]] needs folder, title, part, question, afterwards and lessons.",
        ) from error


def _chapter(fields: dict[str, Any]) -> Chapter:
    lessons = tuple(LessonEntry(**lesson) for lesson in fields.pop("lessons"))
    chapter = Chapter(**fields | {"afterwards": tuple(fields["afterwards"])}, lessons=lessons)
    chapter.number  # noqa: B018  a folder without a number is noticed here
    return chapter
