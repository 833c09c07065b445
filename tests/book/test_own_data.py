from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lmbook.book.chapters import find_lesson, lessons
from lmbook.book.own_data import check_used
from lmbook.cli.app import app
from lmbook.errors import LmbookError

MINE = Path("mine.txt")


@pytest.mark.parametrize("name", ["tokens", "gradient_descent", "slips_of_the_text", "scaling_out"])
def test_a_lesson_without_a_use_for_a_text_refuses_one(name):
    for given in ((None, MINE), ("kjv", None)):
        with pytest.raises(LmbookError, match=f"The lesson {name} has no use for --") as caught:
            check_used(find_lesson(name), *given)
        assert "Leave" in caught.value.fix
    check_used(find_lesson(name), None, None)


@pytest.mark.parametrize("name", ["attention", "n_grams", "recurrent_networks", "lora"])
def test_a_lesson_that_asks_for_a_text_gets_it(name):
    check_used(find_lesson(name), None, MINE)
    check_used(find_lesson(name), "kjv", None)


def test_every_lesson_that_asks_for_what_a_reader_gave_says_so_under_the_name_that_is_looked_for():
    for lesson in lessons():
        code = lesson.path.read_text(encoding="utf-8")
        assert "Lesson(" not in code or "\nlesson = Lesson(" in code, lesson.name


def test_it_is_told_before_the_lesson_is_run(tmp_path):
    (tmp_path / "mine.txt").write_text("words", encoding="utf-8")
    result = CliRunner().invoke(app, ["run", "gradient_descent", "--text", str(tmp_path / "mine.txt")])
    assert result.exit_code == 2 and "has no use for --text" in result.output.replace("\n", " ")
