"""Which lessons a plain run of the tests runs: three short ones, each day others."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from lmbook.book.chapters import LessonFile, lessons
from lmbook.book.results import read_results

SHORT = 30.0  # seconds that a recorded quick run took; longer lessons are run by --lessons alone
A_DAY = 3


def last_changes(folder: Path) -> dict[str, int]:
    """File name → when it last changed (seconds since 1970), as git knows; empty without git or a history."""
    command = ["git", "log", "--format=%x00%ct", "--name-only", "--", "."]
    try:
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    changes: dict[str, int] = {}
    for commit in told.split("\0")[1:]:  # the newest first
        time, *paths = commit.split("\n")
        for path in filter(None, paths):
            changes.setdefault(Path(path).name, int(time))
    return changes


def seconds_of(lesson: LessonFile) -> float:
    """What the recorded quick run took; a lesson without one counts as the longest."""
    book = read_results(lesson, "quick")
    return book["seconds"] if book else float("inf")


def due(candidates: Sequence[LessonFile], changes: dict[str, int], day: int) -> list[str]:
    """The names of the lessons for a day, of those whose quick run is short.

    They are gone through from the lesson that changed least recently; without `changes`, in the order given.
    """
    short = [lesson for lesson in candidates if seconds_of(lesson) <= SHORT]
    oldest_first = sorted(short, key=lambda lesson: changes.get(lesson.path.name, 0))
    return [oldest_first[(A_DAY * day + place) % len(oldest_first)].name for place in range(A_DAY)]


@pytest.fixture(scope="session")
def run_today(request) -> set[str]:
    """The names of the lessons whose quick profiles are run."""
    book = lessons()
    if request.config.getoption("--lessons"):
        return {lesson.name for lesson in book}
    return set(due(book, last_changes(book[0].path.parent.parent), int(os.environ["LMBOOK_TEST_DAY"])))


@pytest.fixture
def choose_due():
    """The function that chooses, for its own test."""
    return due


@pytest.fixture
def is_short():
    """Function of a lesson: whether a plain run ever runs it."""
    return lambda lesson: seconds_of(lesson) <= SHORT
