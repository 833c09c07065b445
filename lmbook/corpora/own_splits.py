"""The reader's own split: files for validation and for the test beside the one to train on; and the split as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

from lmbook.console import note
from lmbook.corpora.corpus import Corpus
from lmbook.corpora.splits import FRACTIONS, without_copies
from lmbook.errors import LmbookError
from lmbook.files import write_text

COLUMNS = {"translation": ("source", "target"), "text_classification": ("text", "label")}
SPLIT = "split"  # the folder within that of a run


def files_given(validation: Path | None, test: Path | None) -> dict[str, Path]:
    """The files for validation and test that the reader named, by split."""
    return {name: path for name, path in (("validation", validation), ("test", test)) if path is not None}


def fractions_beside(given: Mapping[str, object]) -> dict[str, float]:
    """The shares in which a file is split where these splits have files of their own: the rest of it is to train."""
    rest = {name: share for name, share in FRACTIONS.items() if name != "train" and name not in given}
    return {"train": 1.0 - sum(rest.values()), **rest}


def with_given(
    splits: dict[str, list[dict]], given: dict[str, list[dict]], text: Callable[[dict], str]
) -> dict[str, list[dict]]:
    """Splits together with those that have files of their own, which are taken as they are.

    What is in the test too is taken out of the others, and what is in the validation out of the training: that is said.

    Raises:
        LmbookError: nothing is left to train on, or to validate with.
    """
    if not given:
        return splits
    whole = {name: {**splits, **given}[name] for name in FRACTIONS}
    kept = without_copies(whole, text)
    for name, part in kept.items():
        if not part:
            raise LmbookError(f"Everything for {name} is in another split too.", "Give files that share no texts.")
        if len(part) < len(whole[name]):
            left = len(whole[name]) - len(part)
            note(f"{left:,} of {len(whole[name]):,} for {name} are in another split too, and left out here.")
    return kept


def write_split(folder: Path, corpus: Corpus) -> None:
    """Write which records were for what, as files that `lmbook train` reads with --data, --validation and --test.

    Of running text, which is cut in order, only what is not for training is written.
    """
    names = COLUMNS.get(corpus.task)
    for split, records in corpus.splits.items():
        if names is not None:
            table = io.StringIO()
            rows = csv.writer(table, delimiter="\t", lineterminator="\n")
            rows.writerow(names)
            rows.writerows([record[name] for name in names] for record in records)
            write_text(folder / SPLIT / f"{split}.tsv", table.getvalue())
        elif split != "train":
            write_text(folder / SPLIT / f"{split}.txt", "\n\n".join(record["text"] for record in records))
