"""Every lesson's header, and its quick profile against the figures in the book."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

import pytest

from lmbook.book.chapters import lessons
from lmbook.book.results import differences, file_name, read_results

QUICK_LIMIT_SECONDS = 600  # a lesson that hangs must not hang the tests; how long it takes is the lesson's own figure
LESSONS = lessons()


def by_name(lesson):
    return lesson.name


def test_lessons_have_distinct_names():
    names = [lesson.name for lesson in LESSONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_header_is_complete(lesson):
    assert lesson.missing_fields == []


@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_lmbook_is_imported_before_what_it_keeps_quiet(lesson):
    """Otherwise TensorFlow prints its start-up notes at the reader."""
    first = {}
    for node in ast.walk(ast.parse(lesson.path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        for name in names:
            room = name.split(".")[0]
            first[room] = min(first.get(room, node.lineno), node.lineno)
    loud = [room for room in ("keras", "tensorflow", "keras_hub") if first.get(room, first["lmbook"]) < first["lmbook"]]
    assert not loud


@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_headline_figures_are_recorded(lesson):
    full = read_results(lesson, "full")
    if full is None:
        pytest.skip("no full run recorded yet")
    assert [key for key in lesson.headline if key not in full["figures"]] == []


@pytest.fixture(scope="module")
def results_folder(tmp_path_factory):
    """One for the lessons of a worker, so that one finds the models that another has trained, as a reader's does."""
    return tmp_path_factory.mktemp("lessons")


def test_every_short_lesson_has_its_days_and_the_oldest_the_first(choose_due, is_short):
    changes = {lesson.path.name: -place for place, lesson in enumerate(LESSONS)}  # the last one is the oldest
    short = [lesson.name for lesson in LESSONS if is_short(lesson)]
    assert len(short) > 10
    days = [choose_due(LESSONS, changes, day) for day in range(len(LESSONS))]
    assert {name for chosen in days for name in chosen} == set(short)
    assert all(len(set(chosen)) == 3 for chosen in days)
    assert short[-1] in days[0]
    assert choose_due(LESSONS, {}, 5) == choose_due(LESSONS, {}, 5) != choose_due(LESSONS, {}, 6)  # without git


@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_quick_profile_gives_the_books_figures(lesson, run_today, results_folder):
    if lesson.name not in run_today:
        pytest.skip("not today's; --lessons runs all")
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}  # see conftest.py
    done = subprocess.run(
        [sys.executable, str(lesson.path)],
        env={**environment, "LMBOOK_RESULTS": str(results_folder)},
        cwd=results_folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=QUICK_LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    measured = json.loads((results_folder / file_name(lesson.name, "quick")).read_text(encoding="utf-8"))
    book = read_results(lesson, "quick")
    assert book is not None, f"not in the book yet: lmbook run {lesson.name} --record"
    assert differences(measured, book) == []
