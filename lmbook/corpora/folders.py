"""Which files of a reader's folder are texts, and which are left out."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lmbook.paths import explained

TEXT_SUFFIXES = (".txt", ".text", ".md")
_RUN = ("config.json", "tokenizer.json")  # what a finished training leaves, with its sample.txt
_CHECKPOINTS = "checkpoints"  # what one that was stopped has


@dataclass(frozen=True)
class TextFiles:
    """What a folder holds.

    Attributes:
        files: the texts, in the order of their paths.
        passed_over: what was left out and why, in words, such as "2 hidden files".
    """

    files: list[Path]
    passed_over: list[str]


def text_files(folder: Path) -> TextFiles:
    """The files of `folder` ending in .txt, .text or .md (and .gz after that), at any depth.

    Left out are hidden files and folders (Jupyter and macOS keep copies of the texts in them) and folders of trainings,
    whose samples a model wrote.

    Raises:
        LmbookError: a folder cannot be read.
    """
    files, left = [], Counter()

    def refuse(error: OSError) -> None:
        raise explained(error, doing="read") from error

    for here, folders, names in os.walk(folder, onerror=refuse):
        if _is_run(names, folders):
            left["folder of a training"] += 1
            folders.clear()
            continue
        hidden = [name for name in folders if name.startswith(".")]
        left["hidden folder"] += len(hidden)
        folders[:] = [name for name in folders if name not in hidden]
        for name in names:
            path = Path(here, name)
            if name.startswith("."):
                left["hidden file"] += 1
            elif not _is_text_name(path):
                left["file of another kind"] += 1
            elif not path.is_file():
                left["broken link or pipe"] += 1
            else:
                files.append(path)
    return TextFiles(sorted(files), [_counted(what, count) for what, count in left.items() if count])


def _is_run(names: list[str], folders: list[str]) -> bool:
    return set(_RUN) <= set(names) or (_CHECKPOINTS in folders and not any(map(_is_text_name, map(Path, names))))


def _is_text_name(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in TEXT_SUFFIXES


def _counted(what: str, count: int) -> str:
    if count > 1:
        what = what.replace("folder", "folders").replace("file", "files").replace("link or pipe", "links or pipes")
    return f"{count:,} {what}"
