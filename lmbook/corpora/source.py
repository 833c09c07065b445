"""What a reader named to read: a corpus of the catalogue, or a file."""

from __future__ import annotations

from pathlib import Path

from lmbook.corpora.card import BUILT_IN, find_card
from lmbook.errors import LmbookError
from lmbook.paths import missing, shown_path


def one_source(corpus: str | None, file: Path | None, option: str = "--text", required: bool = True) -> None:
    """Check that the reader named one source of text: a corpus, or a file with `option`.

    Raises:
        LmbookError: both or, where one is required, neither was given; there is no such file, or no such corpus.
    """
    if corpus and file:
        raise LmbookError(f"--corpus and {option} were both given.", "Give one of them.")
    if required and not corpus and not file:
        raise LmbookError(
            "No text was named.", f"Give {option} FILE or --corpus NAME (`lmbook data list` shows the names)."
        )
    if file and missing(file):
        raise LmbookError(f"There is no file {shown_path(file)}.", f"Check the path after {option}.")
    if corpus:
        check_corpus(corpus)


def check_corpus(name: str) -> None:
    """Check that `name` is in the catalogue, without loading anything.

    Raises:
        LmbookError: it is not; the message offers the nearest.
    """
    if name not in BUILT_IN:
        find_card(name)
