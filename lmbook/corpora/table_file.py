"""The reader's own table: two cells of each row, from a file with tabs or a .csv file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmbook.console import note
from lmbook.corpora.cells import NAMES, NOTHING, are_names, without_unseen
from lmbook.corpora.files import read_text
from lmbook.corpora.table_rows import Row, table_rows
from lmbook.errors import LmbookError
from lmbook.paths import reader_path, shown_path

ENOUGH = 20  # rows, to tell an odd one


def two_columns(path: str | Path, columns: Sequence[str] | None, kinds: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Two cells of each row, without the white space around them. Empty rows are passed over.

    Args:
        path: UTF-8 or with a mark of its encoding, plain or gzipped, as in `read_text`; a table as in `table_rows`.
        columns: the names of the two columns, found in the first row; None: the first two are taken, and the first row
            too, unless it is a row of names, which is said.
        kinds: what the two are, for messages, such as ("source", "target"). Of a "label" the signs that nobody sees
            are taken away, so that labels that look the same are the same.

    Raises:
        LmbookError: as `read_text`; it is a folder; it has no row; a column is not there, or there twice; a row has too
            few cells or too many, or an empty one (its line is named); a row of names leaves open which two are meant.
    """
    path = reader_path(path)
    if path.is_dir():
        raise LmbookError(f"{path} is a folder.", f"Name one file, with {kinds[0]} and {kinds[1]} in each line.")
    rows = table_rows(path, read_text(path), columns)
    if not rows:
        raise LmbookError(f"{path} has only empty rows.", f"Give a file with {kinds[0]} and {kinds[1]} in each line.")
    if columns is not None:
        places = _places(path, rows[0].cells, columns, kinds)
        width, rows = rows[0].width, rows[1:]
    else:
        places, width = (0, 1), _usual_width(rows)
        if _first_is_names(rows, kinds):
            _check_names(path, rows[0].cells, width, kinds)
            rows = rows[1:]
        elif width > 2:
            note(f"{shown_path(path)}: of its {width} columns the first two are taken; --columns names others.")
    for row in rows:
        yield _two(path, row, places, width, kinds)


def _places(path: Path, cells: list[str], columns: Sequence[str], kinds: tuple[str, str]) -> tuple[int, ...]:
    names, wanted = [without_unseen(cell) for cell in cells], [without_unseen(name) for name in columns]
    for name in wanted:
        if name not in names:
            raise LmbookError(
                f"{path} has no column {name!r}; its first line has: {', '.join(names)[:200]}.",
                f"Name two of these, or leave --columns out where the first line is {kinds[0]} and {kinds[1]} already.",
            )
        if names.count(name) > 1:
            raise LmbookError(f"{path} has {names.count(name)} columns {name!r}.", "Give them different names.")
    if wanted[0] == wanted[1]:
        raise LmbookError(f"--columns names {wanted[0]!r} twice.", f"Name the {kinds[0]}, then the {kinds[1]}.")
    return tuple(map(names.index, wanted))


def _usual_width(rows: Sequence[Row]) -> int:
    """The number of cells that most rows have, the larger of equals; what a row has beyond it is a mistake."""
    return max(Counter(row.width for row in rows).items(), key=lambda found: found[::-1])[0]


def _first_is_names(rows: Sequence[Row], kinds: tuple[str, str]) -> bool:
    """Whether the first row names the columns: by usual names, or by a label that no other row has, where each of the
    other labels comes again."""
    if len(rows[0].cells) < 2:
        return False
    first, second = (without_unseen(cell) for cell in rows[0].cells[:2])
    if are_names(first, second, kinds) or (rows[0].width > 2 and _any_two_are_names(rows[0].cells, kinds)):
        return True
    if kinds[1] != "label" or len(rows) < ENOUGH:
        return False
    labels = Counter(without_unseen(row.cells[1]) for row in rows[1:] if len(row.cells) > 1)
    return bool(first and second and labels) and second not in labels and min(labels.values()) > 1


def _any_two_are_names(cells: list[str], kinds: tuple[str, str]) -> bool:
    """As in `id,text,label`: one cell for each kind, and no cell that is longer than a name."""
    names = [without_unseen(cell).casefold() for cell in cells]
    found = [[name for name in names if name in NAMES.get(kind, ())] for kind in kinds]
    return all(found) and len(set(found[0] + found[1])) > 1 and max(map(len, names)) <= 30


def _check_names(path: Path, cells: list[str], width: int, kinds: tuple[str, str]) -> None:
    """The first row, which names the columns, is not data: say so, or ask which two are meant."""
    names = [without_unseen(cell) for cell in cells]
    told = ", ".join(names)[:200]
    swapped = kinds[1] == "label" and names[0].casefold() in NAMES["label"] and names[1].casefold() in NAMES["text"]
    if width > 2 or swapped:
        example = f"{names[1]},{names[0]}" if swapped else ",".join(kinds).upper()
        raise LmbookError(
            f"The first line of {path} looks like names of columns: {told}.",
            f"Say which hold {kinds[0]} and {kinds[1]}: --columns {example}. If it is data, put a line of names above.",
        )
    note(f"{shown_path(path)}: the first line ({told}) is taken for the names of the columns, not for data.")


def _two(path: Path, row: Row, places: tuple[int, ...], width: int, kinds: tuple[str, str]) -> tuple[str, str]:
    line, cells = row
    if row.width > max(width, 2):
        raise LmbookError(
            f"{path}, line {line}: {row.width} columns, where the others have {width}.",
            "Put a cell that has the separator inside into double quotes, or take the separator out.",
        )
    if len(cells) <= max(places):
        number = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
        raise LmbookError(
            f"{path}, line {line}: {number}, where at least {max(places) + 1} are needed: {cells[0][:60]!r}.",
            f"Put a tab between {kinds[0]} and {kinds[1]}, or a comma in a file that is named .csv.",
        )
    found = tuple(
        without_unseen(cells[place]) if kind == "label" else cells[place].strip()
        for place, kind in zip(places, kinds, strict=True)
    )
    if not all(found):
        raise LmbookError(
            f"{path}, line {line}: the {kinds[found.index('')]} is empty.", "Fill it in, or take the line out."
        )
    if kinds[1] == "label" and found[1].casefold() in NOTHING:
        raise LmbookError(
            f"{path}, line {line}: the label is missing ({found[1]}).", "Fill it in, or take the line out."
        )
    return found
