from __future__ import annotations

from pathlib import Path

import pytest

from lmbook.corpora.table_rows import table_rows
from lmbook.errors import LmbookError


def cells(name, text, columns=None):
    return [row.cells for row in table_rows(Path(name), text, columns)]


def test_the_separator_of_a_csv_file_is_found(capsys):
    assert cells("a.csv", "Baum, grün;gut\nHaus;schlecht\nHut, alt, rot;gut\n")[0] == ["Baum, grün", "gut"]
    assert "separated by semicolons" in capsys.readouterr().err
    assert cells("a.csv", "one; two,good\nthree; four,bad\n")[0] == ["one; two", "good"]
    assert cells("a.CSV.gz", "a\tb\nc\td\n") == [["a", "b"], ["c", "d"]]
    assert cells("a.csv", "x;y,z;label\n1;2,3;b\n", ("y,z", "label"))[0] == ["x", "y,z", "label"]


def test_excels_first_line_names_the_separator():
    assert cells("a.csv", 'sep=;\n"a;b";c\n') == [["a;b", "c"]]
    assert table_rows(Path("a.csv"), "sep=|\na|b\n")[0].line == 2


def test_the_last_ending_counts():
    assert cells("a.csv.tsv", "a, b\tc\n") == [["a, b", "c"]]


def test_quotes_in_a_file_with_tabs_are_excels_or_the_texts_own():
    assert cells("a.tsv", '"He said ""no"""\tbad\n"two\nlines"\tgood\n') == [
        ['He said "no"', "bad"],
        ["two\nlines", "good"],
    ]
    assert cells("a.tsv", '"a"\t"b"\n"c"\t"d"\n') == [["a", "b"], ["c", "d"]]
    for text in ('"Why?"\t"Warum?" sagte er.\n', '"Why?"\tWarum?\nso\tso\n', 'a "b"\t"c, d"\n'):
        assert cells("a.tsv", text)[0] == text.split("\n")[0].split("\t")


def test_a_cell_of_any_length():
    long = "word " * 100_000
    assert cells("a.csv", f'"{long}",good\n') == [[long, "good"]]


def test_a_quote_that_is_never_closed_is_told_with_its_line():
    with pytest.raises(LmbookError, match="line 2: unexpected end of data"):
        cells("a.csv", 'a,b\n"c,d\n')


def test_empty_cells_at_the_end_do_not_count():
    [row] = table_rows(Path("a.csv"), "a,b,,\n")
    assert row.width == 2 and len(row.cells) == 4
