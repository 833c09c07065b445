"""The reader's own table: two cells of each row, from a file with tabs or a .csv file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmbook.corpora.files import read_text
from lmbook.errors import LmbookError


def two_columns(path: Path, columns: Sequence[str] | None, kinds: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Two cells of each row, without the white space around them. Empty rows are passed over.

    Args:
        path: UTF-8, plain or gzipped, as in `read_text`. Named .csv, its cells are separated by commas, and those with
            commas or line ends inside stand in double quotes (RFC 4180); else they are separated by tabs, a row a line.
        columns: the names of the two columns, found in the first row; None: there is no row of names, and the first two
            columns are taken.
        kinds: what the two are, for messages, such as ("source", "target").

    Raises:
        LmbookError: as `read_text`; it is a folder; it has no row; a column is not there; a row has too few cells or an
            empty one (its line is named).
    """
    if path.is_dir():
        raise LmbookError(f"{path} is a folder.", f"Name one file, with {kinds[0]} and {kinds[1]} in each line.")
    rows = list(_rows(path, read_text(path)))
    if not rows:
        raise LmbookError(f"{path} has only empty rows.", f"Give a file with {kinds[0]} and {kinds[1]} in each line.")
    places = (0, 1)
    if columns is not None:
        _, names = rows.pop(0)
        missing = [name for name in columns if name not in names]
        if missing:
            raise LmbookError(
                f"{path} has no column {missing[0]!r}; its first line has: {', '.join(names)[:200]}.",
                f"Name two of these, or leave --columns out where the first line is {kinds[0]} and {kinds[1]} already.",
            )
        places = tuple(names.index(name) for name in columns)
    for line, cells in rows:
        if len(cells) <= max(places):
            number = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
            raise LmbookError(
                f"{path}, line {line}: {number}, where at least {max(places) + 1} are needed: {cells[0][:60]!r}.",
                f"Put a tab between {kinds[0]} and {kinds[1]}, or a comma in a file that is named .csv.",
            )
        found = tuple(cells[place].strip() for place in places)
        if not all(found):
            raise LmbookError(
                f"{path}, line {line}: the {kinds[found.index('')]} is empty.", "Fill it in, or take the line out."
            )
        yield found


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """The number of its first line and the cells of each row that is not empty."""
    if ".csv" not in [suffix.lower() for suffix in path.suffixes[-2:]]:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield number, line.split("\t")
        return
    reader, line = csv.reader(io.StringIO(text), strict=True), 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise LmbookError(
            f"{path}, line {line}: {error}.", "Put cells with quotes inside into quotes, and double those inside."
        ) from error
