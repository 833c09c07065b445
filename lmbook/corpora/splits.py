"""Splits that stay the same on every machine and keep a text on one side.

A record is sent to a split by a hash of its normalised text, not by a random draw: copies of a text, and texts that
differ only in case, spacing or punctuation, always land in the same split, and adding records moves none.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def normalised(text: str) -> str:
    """The words of `text` in lower case, without punctuation; the stripped text itself when it has no word."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded)) or folded.strip()


def split_of(text: str, fractions: dict[str, float] = FRACTIONS) -> str:
    """The split that `text` belongs to, as it stands: by the first 8 bytes of its sha256, read as a share of 1."""
    share = int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") / 2**64
    reached = 0.0
    for name, fraction in fractions.items():
        reached += fraction
        if share < reached:
            return name
    return name


def split_by_text(
    records: Iterable[dict], text: Callable[[dict], str], fractions: dict[str, float] = FRACTIONS
) -> dict[str, list[dict]]:
    """Split records by the normalised text that `text(record)` gives; each split keeps the order of the records."""
    splits: dict[str, list[dict]] = {name: [] for name in fractions}
    for record in records:
        splits[split_of(normalised(text(record)), fractions)].append(record)
    return splits


def split_groups(
    records: Iterable[dict],
    keys: Callable[[dict], Sequence[tuple[str, str]]],
    fractions: dict[str, float] = FRACTIONS,
) -> dict[str, list[dict]]:
    """Split records so that none in one split shares a key with any in another.

    Records that share a key form a group, and so do those of groups that a record joins. A whole group goes to one
    split, by its alphabetically first key.

    Args:
        records: in an order that each split keeps.
        keys: function of a record -> its keys: (kind, text), at least one.
        fractions: the share of each split; of groups, and only roughly of records.
    """
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    placed = [(record, keys(record)) for record in records]
    for _, nodes in placed:
        first, *others = sorted({root(node) for node in nodes})
        for other in others:
            parent[other] = first  # the root of a group is its first key
    splits: dict[str, list[dict]] = {name: [] for name in fractions}
    for record, nodes in placed:
        splits[split_of(root(nodes[0])[1], fractions)].append(record)
    return splits


def split_pairs(records: Iterable[dict], fractions: dict[str, float] = FRACTIONS) -> dict[str, list[dict]]:
    """Split translation pairs so that no source and no target sentence of one split occurs in another.

    Pairs that share a sentence on either side form a group (two English sentences with the same French
    translation, say), and a whole group goes to one split, by its alphabetically first source sentence.
    """
    return split_groups(
        records, lambda pair: [(side, normalised(pair[side])) for side in ("source", "target")], fractions
    )


def without_copies(splits: dict[str, list[dict]], text: Callable[[dict], str]) -> dict[str, list[dict]]:
    """For official splits that overlap: the test split stays whole, validation loses what it shares with test, and
    training loses what it shares with either."""
    seen: set[str] = set()
    kept = dict(splits)
    for name in ("test", "validation", "train"):
        kept[name] = [record for record in splits.get(name, []) if normalised(text(record)) not in seen]
        seen.update(normalised(text(record)) for record in kept[name])
    return {name: kept[name] for name in splits}
