from __future__ import annotations

import pytest

from lmbook.book.chapters import LessonFile
from lmbook.book.values import filled, marks
from lmbook.errors import LmbookError
from lmbook.files import write_json

FIGURES = {"share": 0.83771, "loss": 1.98765, "weights": 1234567, "seconds": 4321.9, "tiny": 3.14e-6, "same": True}


@pytest.fixture
def lesson(tmp_path):
    def write(name, figures):
        entries = {key: {"value": value} for key, value in figures.items()}
        write_json(tmp_path / "results" / name, {"figures": entries})

    write("a.json", FIGURES)
    write("a.quick.json", {"share": 0.5, "only_quick": 2})
    return LessonFile("a", tmp_path / "a.py")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Of 100 stories [[share %]] obey.", "Of 100 stories 83.8 % obey."),
        ("[[loss]] and [[loss .2]]", "1.99 and 1.99"),
        ("[[weights]] weights in [[seconds]] s", "1,234,567 weights in 4,320 s"),
        ("[[tiny]]; [[same]]; [[only_quick]]", "3.14e-06; yes; 2"),
        ("[[loss\n.2]] and [[only_quick\n]]", "1.99 and 2"),  # an editor broke the line inside the mark
        ("a list [[1, 2]] and x[[0]] stay", "a list [[1, 2]] and x[[0]] stay"),
    ],
)
def test_marks_become_figures(lesson, text, shown):
    assert filled(text, lesson) == shown


def test_the_profile_that_was_recorded_comes_first(lesson):
    assert filled("[[share %]]", lesson, "quick") == "50 %"


def test_a_mark_without_a_figure_is_refused(lesson):
    with pytest.raises(LmbookError, match="none_such"):
        filled("[[none_such]]", lesson)


def test_marks_are_found():
    assert marks("[[a]] b [[c_d %]] [[table/row 1/loss .2]]") == ["a", "c_d", "table/row 1/loss"]
