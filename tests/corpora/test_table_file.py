from __future__ import annotations

import pytest

from lmbook.corpora.table_file import two_columns
from lmbook.errors import LmbookError

KINDS = ("source", "target")


def read(folder, name, text, columns=None):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return list(two_columns(path, columns, KINDS))


def test_tabs_and_commas(tmp_path):
    assert read(tmp_path, "a.tsv", 'a, "b"\t c \tmore\n\nd\te') == [('a, "b"', "c"), ("d", "e")]
    assert read(tmp_path, "a.csv", '"a, ""b""",c\n\n"two\nlines",e\n') == [('a, "b"', "c"), ("two\nlines", "e")]


def test_columns_by_name(tmp_path):
    assert read(tmp_path, "a.csv", "x,fr,en\n1,oui,yes\n", ("en", "fr")) == [("yes", "oui")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", '"two\nlines",b\nc\n', "line 3: 1 column, where at least 2 are needed: 'c'"),
        ("a.csv", 'a,b\n"c,d\n', "line 2: unexpected end of data"),
        ("a.csv", ",\n,\n", "only empty rows"),
        ("a.csv", "a\tb\n", "line 1: 1 column"),
        ("a.tsv", "a\tb\n\n\tc\n", "line 3: the source is empty"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, text, message):
    with pytest.raises(LmbookError, match=message):
        read(tmp_path, name, text)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(LmbookError, match="is a folder"):
        list(two_columns(tmp_path, None, KINDS))
