"""The people that a story introduces, and of what kind they are."""

from __future__ import annotations

import re

from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.corpora.greentree.text import normalize_english

GIRLS = frozenset(entry.english for entry in LEXICON.girls)
BOYS = frozenset(entry.english for entry in LEXICON.boys)
_KINDS = "|".join(entry.english for entry in LEXICON.kinds)
_NAMES = "|".join(sorted(GIRLS | BOYS))
_PATTERN = re.compile(
    rf"\b(?P<kind>{_KINDS}) named (?P<name>{_NAMES})\b"
    rf"|\b(?P<name_first>{_NAMES}) , an? \w+ (?P<kind_after>{_KINDS})\b"
)


def people(text: str) -> list[tuple[str, str]]:
    """(kind, name) of everybody that an English text introduces; it need not be a story of the grammar."""
    return [
        (match["kind"] or match["kind_after"], match["name"] or match["name_first"])
        for match in _PATTERN.finditer(normalize_english(text))
    ]
