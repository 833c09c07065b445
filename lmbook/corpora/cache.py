"""The folder of downloaded data sets."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from lmbook.errors import LmbookError


def cache_dir() -> Path:
    """The folder for downloads: `LMBOOK_HOME`, or the platform's cache folder for this user.

    It is not created here but by whatever writes into it.

    Raises:
        LmbookError: `LMBOOK_HOME` names something that is not a folder.
    """
    home = os.environ.get("LMBOOK_HOME")
    if not home:
        return Path(platformdirs.user_cache_dir("lmbook", appauthor=False))
    folder = Path(home).expanduser()
    if folder.exists() and not folder.is_dir():
        raise LmbookError(f"LMBOOK_HOME is {home}, which is not a folder.", "Set it to a folder, or unset it.")
    return folder


def corpus_folder(name: str) -> Path:
    """The folder of one data set in the cache. A copy of its parent folder can serve as `LMBOOK_MIRROR` elsewhere."""
    return cache_dir() / "corpora" / name
