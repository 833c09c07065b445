from __future__ import annotations

import pytest

from lmbook.book.chapters import LessonFile
from lmbook.book.listing import seconds
from lmbook.files import write_json


@pytest.mark.parametrize("took, said", [(4.4, "4 s"), (99, "99 s"), (205, "3.4 min"), (2857, "48 min")])
def test_times_are_short(tmp_path, took, said):
    lesson = LessonFile("attention", tmp_path / "attention.py")
    assert seconds(lesson, "full") == ""
    write_json(tmp_path / "results" / "attention.json", {"seconds": took})
    assert seconds(lesson, "full") == said
