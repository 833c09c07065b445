"""The contents name every lesson of the book once, in an order in which nothing is used before it was read."""

from __future__ import annotations

import re

import pytest

from lmbook.book.chapters import lessons
from lmbook.book.contents import read_contents
from lmbook.errors import LmbookError

CONTENTS = """
[[chapter]]
folder = "02_b"
title = "B"
part = "Beginning"
question = "Why?"
afterwards = ["begin"]
lessons = [{ name = "beta", question = "What is beta?" }, { name = "alpha", question = "What is alpha?" }]
"""


def write(folder, text=CONTENTS):
    (folder / "contents.toml").write_text(text, encoding="utf-8")
    for chapter, name in (("01_a", "alpha"), ("02_b", "beta"), ("01_a", "unlisted")):
        path = folder / chapter / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# %% [markdown]\n# # {name}\n", encoding="utf-8")


def test_lessons_come_as_listed_wherever_their_files_lie_and_the_others_last(tmp_path):
    write(tmp_path)
    assert [lesson.name for lesson in lessons(tmp_path)] == ["beta", "alpha", "unlisted"]


def test_a_chapter_has_what_its_page_shows(tmp_path):
    write(tmp_path)
    (chapter,) = read_contents(tmp_path).chapters
    assert (chapter.number, chapter.title, chapter.afterwards) == (2, "B", ("begin",))
    assert read_contents(tmp_path).lessons["alpha"].question == "What is alpha?"


def test_without_a_file_there_are_no_contents(tmp_path):
    assert read_contents(tmp_path).chapters == ()


@pytest.mark.parametrize(
    "wrong",
    [
        CONTENTS.replace('question = "Why?"\n', ""),
        CONTENTS.replace('"02_b"', '"b"'),
        CONTENTS.replace('name = "beta", ', ""),
        "[[chapter]\n",
        'title = "no chapters"\n',
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path, wrong):
    (tmp_path / "contents.toml").write_text(wrong, encoding="utf-8")
    with pytest.raises(LmbookError, match="contents.toml cannot be read"):
        read_contents(tmp_path)


def test_the_book_lists_every_chapter_and_lesson_once(root):
    contents = read_contents(root / "chapters")
    folders = sorted(path.name for path in (root / "chapters").iterdir() if re.match(r"\d\d_", path.name))
    assert [chapter.folder for chapter in contents.chapters] == folders
    listed = [entry.name for chapter in contents.chapters for entry in chapter.lessons]
    assert sorted(listed) == sorted(lesson.name for lesson in lessons(root / "chapters"))
    assert len(set(listed)) == len(listed)


def test_no_lesson_of_the_book_comes_before_one_that_it_needs(root):
    book = lessons(root / "chapters")
    place = {lesson.name: index for index, lesson in enumerate(book)}
    early = [
        (lesson.name, needed)
        for lesson in book
        for needed in re.findall(r"\w+", lesson.fields["Needs"])
        if place.get(needed, -1) > place[lesson.name]
    ]
    assert early == []
    gradients = place["gradient_descent"]
    assert all(place[name] > gradients for name in ("recurrent_networks", "word_embeddings", "the_ladder"))
