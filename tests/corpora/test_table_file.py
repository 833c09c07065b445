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
        ("a.csv", "a b\n", "line 1: 1 column"),
        ("a.tsv", "a\tb\n\n\tc\n", "line 3: the source is empty"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, text, message):
    with pytest.raises(LmbookError, match=message):
        read(tmp_path, name, text)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(LmbookError, match="is a folder"):
        list(two_columns(tmp_path, None, KINDS))


LABELLED = [(f"text number {number}", ("good", "bad")[number % 2]) for number in range(40)]


def labelled(folder, rows, columns=None, kinds=("text", "label")):
    path = folder / "a.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return list(two_columns(path, columns, kinds))


@pytest.mark.parametrize("names", [("Text", "label"), ("was gesagt wurde", "urteil")])
def test_a_first_line_of_names_is_no_data_and_this_is_said(tmp_path, names, capsys):
    assert labelled(tmp_path, [names, *LABELLED]) == LABELLED
    assert f"({', '.join(names)}) is taken for the names" in capsys.readouterr().err


def test_a_first_line_of_data_is_data(tmp_path, capsys):
    rare = [("one more", "rare"), *LABELLED, ("another", "seldom")]  # a label that comes once is nothing odd here
    assert labelled(tmp_path, rare) == rare and labelled(tmp_path, LABELLED) == LABELLED
    pairs = [("hello", "bonjour"), ("yes", "oui")]
    assert labelled(tmp_path, pairs, kinds=KINDS) == pairs
    assert not capsys.readouterr().err
    assert labelled(tmp_path, [("en", "fr"), *pairs], kinds=KINDS) == pairs


@pytest.mark.parametrize(
    ("names", "way_out"),
    [(("id", "text", "label"), "--columns TEXT,LABEL"), (("label", "text"), "--columns text,label")],
)
def test_names_that_leave_open_which_columns_are_meant_are_refused(tmp_path, names, way_out):
    rows = [("7", *row)[-len(names) :] for row in LABELLED]
    with pytest.raises(LmbookError, match="looks like names of columns") as error:
        labelled(tmp_path, [names, *rows])
    assert way_out in error.value.fix


def test_names_and_labels_are_compared_as_a_reader_sees_them(tmp_path):
    rows = [("text", " label\u200b"), ("a", "cafe\u0301"), ("b", "caf\u00e9\u200b"), ("c", "\ufeffcafé ")]
    assert {label for _, label in labelled(tmp_path, rows, ("text", "label"))} == {"café"}
    assert len(read(tmp_path, "a.csv", "\ufeff\ufefftext,label\na,b\n", ("text", "label"))) == 1


def test_of_many_columns_the_first_two_are_taken_and_this_is_said(tmp_path, capsys):
    assert labelled(tmp_path, [(*row, "more") for row in LABELLED]) == LABELLED
    assert "of its 3 columns the first two" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a,good\nb, with a comma,bad\nc,good\n", None, "line 2: 3 columns, where the others have 2"),
        ("text,label\nb,c,bad\n", ("text", "label"), "line 2: 3 columns"),
        ("a,good\nb,NaN\n", None, r"line 2: the label is missing \(NaN\)"),
        ("text,text,label\na,b,c\n", ("text", "label"), "has 2 columns 'text'"),
        ("text,label\na,b\n", ("text", "text"), "names 'text' twice"),
    ],
)
def test_what_can_only_be_a_mistake_is_refused(tmp_path, text, columns, message):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LmbookError, match=message):
        list(two_columns(path, columns, ("text", "label")))
