"""The reader's own sentence pairs: a file with a tab between a sentence and its translation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lmbook.corpora.corpus import Corpus
from lmbook.corpora.files import corpus_name, read_text
from lmbook.corpora.splits import split_pairs
from lmbook.errors import LmbookError

FEWEST_PAIRS = 100  # of fewer, the validation and the test part would hold a handful


def pair_corpus(path: str | Path, columns: Sequence[str] | None = None) -> Corpus:
    """Make a corpus for translation of a file of pairs, a pair a line, its columns separated by tabs.

    It is split as the catalogue's sets are: 80 % to train, 10 % to validate, 10 % to test, no sentence of either side
    in two of them. Pairs that occur twice are taken once.

    Args:
        path: UTF-8, plain or gzipped, as in `read_text`. Empty lines are passed over.
        columns: the names of the source's and the target's column, found in the first line; None: there is no line of
            names, and the first two columns are taken.

    Raises:
        LmbookError: as `read_text`; a column is not there; a line has too few columns or an empty side (its number is
            named); there are fewer than 100 pairs, or too few different ones to split.
    """
    path = Path(path)
    lines = [(number, line.split("\t")) for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    places = (0, 1)
    if columns is not None:
        _, names = lines.pop(0)
        missing = [name for name in columns if name not in names]
        if missing:
            raise LmbookError(
                f"{path} has no column {missing[0]!r}; its first line has: {', '.join(names)[:200]}.",
                "Name two of these, or leave --columns out where the first line is a pair already.",
            )
        places = tuple(names.index(name) for name in columns)
    records = {}
    for number, cells in lines:
        if len(cells) <= max(places):
            raise LmbookError(
                f"{path}, line {number}: {len(cells)} columns, where at least {max(places) + 1} are needed: "
                f"{cells[0][:60]!r}.",
                "Put a tab between a sentence and its translation, and no line end inside of either.",
            )
        source, target = (cells[place].strip() for place in places)
        if not source or not target:
            side = "source" if not source else "target"
            raise LmbookError(f"{path}, line {number}: the {side} is empty.", "Fill it in, or take the line out.")
        records[source, target] = {"source": source, "target": target}
    if len(records) < FEWEST_PAIRS:
        raise LmbookError(
            f"{path} has {len(records)} different pairs; at least {FEWEST_PAIRS} are needed.",
            "A model that translates anything useful needs tens of thousands.",
        )
    splits = split_pairs(list(records.values()))
    empty = [name for name, pairs in splits.items() if not pairs]
    if empty:
        raise LmbookError(
            f"The pairs of {path} share so many sentences that none is left for {empty[0]}.", "Give more varied ones."
        )
    return Corpus(corpus_name(path), "translation", "", splits)
