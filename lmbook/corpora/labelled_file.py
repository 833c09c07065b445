"""The reader's own labelled texts: a table with a text and a label in each row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmbook.corpora.corpus import Corpus
from lmbook.corpora.files import corpus_name, read_text
from lmbook.corpora.splits import split_by_text
from lmbook.errors import LmbookError

FEWEST_TEXTS = 50  # of fewer, the validation and the test part would hold a handful
MOST_LABELS = 100


def labelled_corpus(path: str | Path, columns: Sequence[str] | None = None) -> Corpus:
    """Make a corpus for text classification of a table: records {"text", "label"}.

    It is split as the catalogue's sets are: 80 % to train, 10 % to validate, 10 % to test; copies of a text, which may
    differ in case and punctuation, all go to one split.

    Args:
        path: UTF-8, plain or gzipped, as in `read_text`. Named .csv, its cells are separated by commas, and those with
            commas or line ends inside stand in double quotes (RFC 4180); else they are separated by tabs, a row a line.
        columns: the names of the text's and the label's column, found in the first row; None: there is no row of names,
            and the first two columns are taken.

    Raises:
        LmbookError: as `read_text`; a column is not there; a row has too few cells or an empty one (its line is named);
            there are fewer than 50 texts, fewer than 2 or more than 100 labels, or a label is too rare to be learned
            and tested.
    """
    path = Path(path)
    rows = list(_rows(path, read_text(path)))
    places = (0, 1)
    if columns is not None:
        _, names = rows.pop(0)
        missing = [name for name in columns if name not in names]
        if missing:
            raise LmbookError(
                f"{path} has no column {missing[0]!r}; its first line has: {', '.join(names)[:200]}.",
                "Name two of these, or leave --columns out where the first line is a text and its label already.",
            )
        places = tuple(names.index(name) for name in columns)
    records = []
    for line, cells in rows:
        if len(cells) <= max(places):
            raise LmbookError(
                f"{path}, line {line}: {len(cells)} columns, where at least {max(places) + 1} are needed: "
                f"{cells[0][:60]!r}.",
                "Separate text and label by a tab, or by a comma in a file that is named .csv.",
            )
        text, label = (cells[place].strip() for place in places)
        if not text or not label:
            raise LmbookError(
                f"{path}, line {line}: the {'label' if text else 'text'} is empty.", "Fill it in, or take the row out."
            )
        records.append({"text": text, "label": label})
    counts = Counter(record["label"] for record in records)
    if len(records) < FEWEST_TEXTS:
        raise LmbookError(
            f"{path} has {len(records)} texts; at least {FEWEST_TEXTS} are needed.", "Label more of them."
        )
    if not 2 <= len(counts) <= MOST_LABELS:
        raise LmbookError(
            f"{path} has {len(counts)} different labels, such as {next(iter(counts))[:60]!r}; "
            f"2 to {MOST_LABELS} can be learned.",
            "Name the column of the text first, then that of the label: --columns TEXT,LABEL.",
        )
    splits = split_by_text(records, lambda record: record["text"])
    empty = [name for name, part in splits.items() if not part]
    if empty:
        raise LmbookError(
            f"The texts of {path} are so alike that none is left for {empty[0]}.", "Give more varied ones."
        )
    lost = counts.keys() - {record["label"] for record in splits["train"]}
    if lost:
        rare = min(lost, key=counts.get)
        raise LmbookError(
            f"{path} has too few texts with the label {rare!r}, {counts[rare]}: none of them is for training.",
            "Give more of them (at least 20 of each label), or take the label out.",
        )
    return Corpus(corpus_name(path), "text_classification", "", splits)


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
