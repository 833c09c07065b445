"""The reader's own sentence pairs: a table with a sentence and its translation in each row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lmbook.console import note
from lmbook.corpora.corpus import Corpus
from lmbook.corpora.files import corpus_name
from lmbook.corpora.own_splits import files_given, fractions_beside, with_given
from lmbook.corpora.splits import split_pairs
from lmbook.corpora.table_file import two_columns
from lmbook.errors import LmbookError
from lmbook.paths import reader_path, shown_path

FEWEST_PAIRS = 100  # of fewer, the validation and the test part would hold a handful


def pair_corpus(
    path: str | Path,
    columns: Sequence[str] | None = None,
    *,
    validation: str | Path | None = None,
    test: str | Path | None = None,
) -> Corpus:
    """Make a corpus for translation of a table of pairs.

    It is split as the catalogue's sets are: 80 % to train, 10 % to validate, 10 % to test, no sentence of either side
    in two of them. Pairs that occur twice are taken once.

    Args:
        path, columns: see `two_columns`.
        validation, test: files of the same kind with these parts, so that no such part is taken from `path`.

    Raises:
        LmbookError: as `two_columns` and `with_given`; there are fewer than 100 pairs, or too few different ones to
            split.
    """
    path = reader_path(path)
    given = {name: pair_records(file, columns) for name, file in files_given(validation, test).items()}
    records = pair_records(path, columns)
    if len(records) < FEWEST_PAIRS:
        raise LmbookError(
            f"{path} has {len(records)} different pairs; at least {FEWEST_PAIRS} are needed.",
            "A model that translates anything useful needs tens of thousands.",
        )
    splits = split_pairs(records, fractions_beside(given))
    empty = [name for name, pairs in splits.items() if not pairs]
    if empty:
        raise LmbookError(
            f"The pairs of {path} share so many sentences that none is left for {empty[0]}.", "Give more varied ones."
        )
    splits = with_given(splits, given, lambda pair: pair["source"])
    return Corpus(corpus_name(path), "translation", "", splits)


def pair_records(path: str | Path, columns: Sequence[str] | None = None) -> list[dict]:
    """The different pairs of a table as {"source", "target"}; see `two_columns`."""
    path = reader_path(path)
    rows = list(two_columns(path, columns, ("source", "target")))
    pairs = dict.fromkeys(rows)
    if len(pairs) < len(rows):
        note(
            f"{shown_path(path)}: {len(rows) - len(pairs):,} of {len(rows):,} pairs are there again; each counts once."
        )
    return [{"source": source, "target": target} for source, target in pairs]
