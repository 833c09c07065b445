from __future__ import annotations

import pytest

from lmbook.book.chapters import FIELDS, chapters_dir, find_lesson, lessons, read_header
from lmbook.errors import LmbookError

HEADER = """# %% [markdown]
# # A title
#
# - Article section: §5
# - **Needs**: first, second
# - Data: greentree
# - Minutes: quick 1, full 8
# - Memory: 1.1 GB
# - Shows: a sentence
#   that goes on
# - Headline: loss, share
#
# Prose that mentions Data: it is no field.

# %%
print("Title: not a header")
"""


def write_lesson(folder, chapter, name, needs=""):
    path = folder / chapter / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# %% [markdown]\n# # {name}\n#\n# - Needs: {needs}\n", encoding="utf-8")


def test_header_fields_are_read_without_running_the_lesson():
    fields = read_header(HEADER)
    assert fields["Title"] == "A title"
    assert fields["Needs"] == "first, second"
    assert fields["Data"] == "greentree"
    assert fields["Shows"] == "a sentence that goes on"
    assert all(fields[name] for name in FIELDS)


def test_a_file_without_a_markdown_cell_has_no_fields():
    assert read_header('"""Title: x"""\nprint(1)\n') == {}


def test_lessons_come_by_chapter_and_after_those_they_need(tmp_path):
    write_lesson(tmp_path, "02_b", "alpha")
    write_lesson(tmp_path, "01_a", "aaa", needs="zzz")
    write_lesson(tmp_path, "01_a", "mmm", needs="none")
    write_lesson(tmp_path, "01_a", "zzz")
    write_lesson(tmp_path, "notes", "ignored")
    assert [lesson.name for lesson in lessons(tmp_path)] == ["mmm", "zzz", "aaa", "alpha"]


def test_lessons_that_need_each_other_are_still_listed(tmp_path):
    write_lesson(tmp_path, "01_a", "x", needs="y")
    write_lesson(tmp_path, "01_a", "y", needs="x")
    assert {lesson.name for lesson in lessons(tmp_path)} == {"x", "y"}


def test_unknown_lesson_names_the_nearest(tmp_path):
    write_lesson(tmp_path, "01_a", "bag_of_words")
    with pytest.raises(LmbookError, match="Did you mean bag_of_words"):
        find_lesson("bag_of_word", tmp_path)


def test_chapters_folder_can_be_named_and_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("LMBOOK_CHAPTERS", str(tmp_path))
    assert chapters_dir() == tmp_path.resolve()
    monkeypatch.setenv("LMBOOK_CHAPTERS", str(tmp_path / "missing"))
    with pytest.raises(LmbookError, match="LMBOOK_CHAPTERS"):
        chapters_dir()
