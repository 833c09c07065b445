"""A table's rows, as a spreadsheet would read them: which sign separates the cells, and what quotes mean."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lmbook.console import note
from lmbook.corpora.cells import without_unseen
from lmbook.errors import LmbookError
from lmbook.paths import shown_path

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright strokes"}
_PROBE = 2**16  # characters, to tell the separator
_NAMED = re.compile(r'"?sep=(.)"?\n')  # what Excel writes, or is told, in the first line
_QUOTED = re.compile(r'(?<![^\t\n])"([^"]*(?:""[^"]*)*)"(?=[\t\n]|\Z)')  # a cell of a file with tabs
csv.field_size_limit(2**31 - 1)  # a cell may be a whole book; the size of the file is limited elsewhere


class Row(NamedTuple):
    """A row that is not empty.

    Args:
        line: the number of its first line, from 1.
        cells: all of them.
    """

    line: int
    cells: list[str]

    @property
    def width(self) -> int:
        """The number of its cells, without empty ones at the end, which spreadsheets leave."""
        return max((place for place, cell in enumerate(self.cells, 1) if cell.strip()), default=0)


def table_rows(path: Path, text: str, columns: Sequence[str] | None = None) -> list[Row]:
    """The rows of a table.

    Cells of a file that is named .csv are separated by commas, or by semicolons, tabs or strokes where that fits its
    lines better, which is said; those of any other file by tabs. A first line `sep=;` decides. Quotes are those of
    RFC 4180 in a .csv file, and in a file with tabs where all of its quotes are such ones, as Excel writes them; else
    they are part of the text.

    Args:
        path: for messages, and for the file's kind.
        text: what it holds.
        columns: names that the first row is known to have.

    Raises:
        LmbookError: quotes are wrong.
    """
    named = _NAMED.match(text)
    start = 2 if named else 1
    text = text[named.end() :] if named else text
    if named:
        separator = named[1]
    elif _is_csv(path):
        separator = _separator(text, columns)
        if separator != ",":
            note(f"{shown_path(path)}: its cells are separated by {SEPARATORS[separator]}.")
    else:
        separator = "\t"
    quoted = _is_csv(path) or named or (separator == "\t" and _quoted_as_by_excel(text))
    rows = _by_quotes(path, text, separator, start) if quoted else _by_lines(text, separator, start)
    return [Row(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)]


def _is_csv(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] == ".csv"


def _separator(text: str, columns: Sequence[str] | None) -> str:
    """The separator with which most rows have one number of cells, at least two; a comma if none is better."""

    def fits(separator: str) -> float:
        rows, reader = [], csv.reader(io.StringIO(head), delimiter=separator, strict=True)
        try:
            rows.extend(cells for cells in reader if any(cell.strip() for cell in cells))
        except csv.Error:  # the end of what is looked at, or the wrong separator
            pass
        if not rows:
            return 0.0
        named = columns is not None and set(columns) <= {without_unseen(cell) for cell in rows[0]}
        width, count = Counter(map(len, rows)).most_common(1)[0]
        return named + (count / len(rows) if width > 1 else 0.0)

    head = text[:_PROBE]
    if len(text) > _PROBE:
        head = head[: head.rfind("\n") + 1] or head
    return max(SEPARATORS, key=fits)  # the first of equals


def _quoted_as_by_excel(text: str) -> bool:
    """Whether the quotes in a file with tabs only wrap cells: all, or those that hold a quote, a tab or a comma."""
    if '"' not in text or '"' in _QUOTED.sub("", text):
        return False
    cells = [match[1] for match in _QUOTED.finditer(text)]
    if all('""' in cell or re.search("[\t\n,]", cell) for cell in cells):
        return True
    return not re.search(r"(?<![^\t\n])[^\t\n]", _QUOTED.sub("", text))  # no cell without quotes


def _by_lines(text: str, separator: str, start: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), start):
        yield number, line.split(separator)


def _by_quotes(path: Path, text: str, separator: str, start: int) -> Iterator[tuple[int, list[str]]]:
    reader, line = csv.reader(io.StringIO(text), delimiter=separator, strict=True), start
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + start
    except csv.Error as error:
        raise LmbookError(
            f"{shown_path(path)}, line {line}: {error}.",
            "Put cells with quotes inside into quotes, and double those inside.",
        ) from error
