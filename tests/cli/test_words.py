from __future__ import annotations

import os

import pytest

from lmbook.cli.words import check_not_the_text, lines_of
from lmbook.errors import LmbookError

CHINESE = "今天的天气很好我们一起去公园散步然后吃了一顿很好吃的午饭" * 4


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "letter.txt").write_text("one\ntwo\n", encoding="utf-8")
    (tmp_path / "two words").write_text("three\n", encoding="utf-8")
    (tmp_path / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    ["价格是3.5元", "服务24/7都很好", "U.S.A", CHINESE, "and/or", "I read it in notes.txt", "good", "…", "x" * 5000],
)
def test_words(words):
    assert lines_of(words) == [words]


def test_words_on_several_lines_are_one_text():
    assert lines_of("one\n  two") == ["one two"]


def test_files():
    assert lines_of("letter.txt") == ["one", "two"] and lines_of("two words") == ["three"]


@pytest.mark.parametrize(
    "name", ["lettre.txt", "REVIEWS.CSV.GZ", "./letter", "/no/where", "notes/letter", "~/no-such-file-here", r"C:\a"]
)
def test_what_can_only_be_a_file_must_be_there(name):
    with pytest.raises(LmbookError, match="There is no file"):
        lines_of(name)


def test_a_folder_of_that_name_is_not_read_and_this_is_said(capsys):
    assert lines_of("notes") == ["notes"]
    assert "folder of that name is not read" in capsys.readouterr().err


def test_a_result_must_not_replace_the_text(here):
    with pytest.raises(LmbookError, match="is the text itself"):
        check_not_the_text(here / "letter.txt", "letter.txt", "translation")
    with pytest.raises(LmbookError, match="is a folder"):
        check_not_the_text(here / "notes", "letter.txt", "translation")
    check_not_the_text(here / "new.txt", "letter.txt", "translation")
    check_not_the_text(None, "some words", "translation")
    assert sorted(os.listdir(here)) == ["letter.txt", "notes", "two words"]
