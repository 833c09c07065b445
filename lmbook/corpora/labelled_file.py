"""The reader's own labelled texts: a table with a text and a label in each row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from lmbook.console import note
from lmbook.corpora.cells import look_alike
from lmbook.corpora.corpus import Corpus
from lmbook.corpora.files import corpus_name
from lmbook.corpora.own_splits import files_given, fractions_beside, with_given
from lmbook.corpora.splits import split_by_text
from lmbook.corpora.table_file import two_columns
from lmbook.errors import LmbookError
from lmbook.paths import reader_path, shown_path

FEWEST_TEXTS = 50  # of fewer, the validation and the test part would hold a handful
MOST_LABELS = 100


def labelled_corpus(
    path: str | Path,
    columns: Sequence[str] | None = None,
    *,
    validation: str | Path | None = None,
    test: str | Path | None = None,
) -> Corpus:
    """Make a corpus for text classification of a table: records {"text", "label"}.

    It is split as the catalogue's sets are: 80 % to train, 10 % to validate, 10 % to test; copies of a text, which may
    differ in case and punctuation, all go to one split.

    Args:
        path, columns: see `two_columns`.
        validation, test: files of the same kind with these parts, so that no such part is taken from `path`.

    Raises:
        LmbookError: as `two_columns` and `with_given`; there are fewer than 50 texts, fewer than 2 or more than 100
            labels, a label is too rare to be learned and tested, or one of the other files is not in `path`.
    """
    path = reader_path(path)
    given = {name: labelled_records(file, columns) for name, file in files_given(validation, test).items()}
    records = labelled_records(path, columns)
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
    for name, part in given.items():
        foreign = sorted({record["label"] for record in part} - counts.keys())
        if foreign:
            raise LmbookError(f"No text of {path} has the label {foreign[0]!r}, which one for {name} has.", "Check it.")
    _say_which_look_alike(path, counts)
    splits = split_by_text(records, lambda record: record["text"], fractions_beside(given))
    empty = [name for name, part in splits.items() if not part]
    if empty:
        raise LmbookError(
            f"The texts of {path} are so alike that none is left for {empty[0]}.", "Give more varied ones."
        )
    splits = with_given(splits, given, lambda record: record["text"])
    lost = counts.keys() - {record["label"] for record in splits["train"]}
    if lost:
        rare = min(lost, key=counts.get)
        raise LmbookError(
            f"{path} has too few texts with the label {rare!r}, {counts[rare]}: none of them is for training.",
            "Give more of them (at least 20 of each label), or take the label out.",
        )
    return Corpus(corpus_name(path), "text_classification", "", splits)


def labelled_records(path: str | Path, columns: Sequence[str] | None = None) -> list[dict]:
    """The rows of a table as {"text", "label"}; see `two_columns`."""
    return [{"text": text, "label": label} for text, label in two_columns(path, columns, ("text", "label"))]


def _say_which_look_alike(path: Path, labels: Iterable[str]) -> None:
    alike = defaultdict(list)
    for label in labels:
        alike[look_alike(label)].append(label)
    for found in alike.values():
        if len(found) > 1:
            note(f"{shown_path(path)}: {' and '.join(map(repr, sorted(found)))} are taken for different labels.")
