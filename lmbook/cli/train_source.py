"""What `lmbook train` and `lmbook evaluate` are to read: the corpus that the reader named, or a file made into one."""

from __future__ import annotations

import csv
from pathlib import Path

from lmbook.corpora.corpus import Corpus
from lmbook.corpora.source import one_source
from lmbook.errors import LmbookError

# For the tasks that learn from tables: the two columns, the task that the catalogue calls so, and one of its corpora.
TABLES = {
    "translation": ("SOURCE,TARGET", "translation", "tatoeba_eng_fra"),
    "classification": ("TEXT,LABEL", "text_classification", "sms_spam"),
}


def read_text_source(
    corpus: str | None, text: Path | None, validation: Path | None = None, test: Path | None = None
) -> Corpus:
    """The running text that the reader named.

    Raises:
        LmbookError: as `one_source`, `text_corpus` and `load_corpus`.
    """
    one_source(corpus, text)
    _check_has_no_splits(corpus, validation, test)
    if text:
        from lmbook.corpora.files import text_splits

        return text_splits(text, validation, test)
    from lmbook.corpora.catalogue import load_corpus

    return load_corpus(corpus)


def read_table_source(
    corpus: str | None,
    data: Path | None,
    columns: str | None,
    task: str,
    validation: Path | None = None,
    test: Path | None = None,
) -> Corpus:
    """The pairs ("translation") or the labelled texts ("classification") that the reader named.

    Raises:
        LmbookError: as `one_source`, `pair_corpus`, `labelled_corpus` and `load_corpus`; or the corpus is for something
            else.
    """
    one_source(corpus, data, "--data")
    _check_has_no_splits(corpus, validation, test)
    if data is not None:
        both = _two_names(columns, task)
        if task == "translation":
            from lmbook.corpora.pair_file import pair_corpus

            return pair_corpus(data, both, validation=validation, test=test)
        from lmbook.corpora.labelled_file import labelled_corpus

        return labelled_corpus(data, both, validation=validation, test=test)
    return _table_corpus(corpus, task)


def read_table_to_test(corpus: str | None, data: Path | None, columns: str | None, task: str) -> tuple[list[dict], str]:
    """The records to measure a model on, and what they are called: a table as a whole, or a corpus's test part.

    Raises:
        LmbookError: as `read_table_source`, but that a table may be of any length.
    """
    one_source(corpus, data, "--data")
    if data is None:
        found = _table_corpus(corpus, task)
        return found.split(part_to_test(found)), found.name
    both = _two_names(columns, task)
    if task == "translation":
        from lmbook.corpora.pair_file import pair_records

        return pair_records(data, both), str(data)
    from lmbook.corpora.labelled_file import labelled_records

    return labelled_records(data, both), str(data)


def part_to_test(corpus: Corpus) -> str:
    """The split of a corpus that models are measured on."""
    return "test" if "test" in corpus.splits else "validation"


def _two_names(columns: str | None, task: str) -> list[str] | None:
    """What --columns names, as in a .csv file: a name with a comma in it stands in quotes."""
    both = None if columns is None else next(csv.reader([columns], skipinitialspace=True))
    if both is not None and len(both) != 2:
        raise LmbookError(f"--columns {columns} does not name two columns.", f"Write --columns {TABLES[task][0]}.")
    return both


def _table_corpus(corpus: str, task: str) -> Corpus:
    from lmbook.corpora.catalogue import load_corpus

    _, wanted, such_as = TABLES[task]
    found = load_corpus(corpus)
    if found.task != wanted:
        raise LmbookError(
            f"The corpus {found.name} is for {found.task.replace('_', ' ')}.",
            f"Take one for {wanted.replace('_', ' ')}, such as {such_as}, or your own: --data FILE.",
        )
    return found


def _check_has_no_splits(corpus: str | None, validation: Path | None, test: Path | None) -> None:
    if corpus is not None and (validation or test):
        option = "--validation" if validation else "--test"
        raise LmbookError(f"{option} does not go with --corpus: {corpus} has its own split.", f"Leave {option} out.")
