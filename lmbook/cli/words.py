"""`--text FILE|WORDS`: a file's lines, or the words that the reader wrote on the command line."""

from __future__ import annotations

import os
import re

from lmbook.console import note
from lmbook.errors import LmbookError
from lmbook.paths import shown_path

# What a reader calls a file, though there is none. A dot or a slash alone says nothing: 价格是3.5元, 24/7, U.S.A.
_FILE_NAME = re.compile(
    r"\S+\.(txt|text|md|csv|tsv|tab|jsonl?|log|html?|xml|pdf|docx?|rtf|odt|srt)(\.gz)?|(~|\.{1,2})?[/\\]\S+|[a-z]:[/\\]\S+",
    re.IGNORECASE,
)


def lines_of(text: str) -> list[str]:
    """The lines of the file called `text`; where there is none, the words themselves as one line.

    Raises:
        LmbookError: as `read_text`; it can only be the name of a file, and there is none.
    """
    from lmbook.corpora.files import read_text

    path = as_file(text)
    if path is not None:
        return read_text(path).removesuffix("\n").split("\n")
    if _FILE_NAME.fullmatch(text.strip()) or _in_a_folder(text):
        raise LmbookError(f"There is no file {shown_path(text)}.", "Check the path; several words are taken as words.")
    if os.path.isdir(text):
        note(f"--text {shown_path(text)} is taken as words; the folder of that name is not read.")
    return [" ".join(text.split())]


def as_file(text: str) -> str | None:
    """The path of the file, the pipe or the device called `text`; None: there is none."""
    path = os.path.expanduser(text) if text.startswith("~") and not os.path.lexists(text) else text
    return path if os.path.exists(path) and not os.path.isdir(path) else None


def check_not_the_text(output, text: str, what: str) -> None:
    """Check that a result does not replace what it is made of, and that it can be written.

    Raises:
        LmbookError: it would, or cannot.
    """
    from lmbook.paths import check_writable

    if output is None:
        return
    path = as_file(text)
    if path is not None and os.path.exists(output) and os.path.samefile(output, path):
        raise LmbookError(f"--output {shown_path(output)} is the text itself.", f"Give the {what} another name.")
    if os.path.isdir(output):
        raise LmbookError(f"--output {shown_path(output)} is a folder.", "Name a file.")
    check_writable(output.parent)


def _in_a_folder(text: str) -> bool:
    """Whether the part before the last slash is a folder here: `notes/chaper1` is a slip, `24/7` is none."""
    folder, _, name = text.strip().rpartition("/")
    return bool(folder and name) and " " not in name and os.path.isdir(folder)
