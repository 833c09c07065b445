"""What a reader takes for equal in a table: labels and names of columns without what nobody sees."""

from __future__ import annotations

import re
import unicodedata

# Names that people give to columns, to tell a first line of names from data.
_TEXTS = "text texts sentence sentences review message content comment tweet body document input utterance headline"
_TEXTS += " title question answer prompt 文本 内容 评论 texte phrase satz"
_LABELS = "label labels class classes category target sentiment tag intent topic rating score y spam emotion 标签 类别"
_LABELS += " klasse kategorie classe catégorie"
_SIDES = "source target src tgt input output original translation from to en fr de es it pt ru zh ja ko ar hi nl pl tr"
_SIDES += (
    " sv da fi cs uk el he vi th id hu ro eng fra deu spa ita por rus zho cmn jpn kor english french german spanish"
)
_SIDES += " italian portuguese russian chinese japanese korean arabic hindi dutch polish turkish 英文 中文"
NAMES = {"text": set(_TEXTS.split()), "label": set(_LABELS.split())}
NAMES |= dict.fromkeys(("source", "target"), set(_SIDES.split()))
# What programs write into a cell that has nothing: pandas, R, Excel.
NOTHING = {"nan", "#n/a", "<na>"}


def without_unseen(cell: str) -> str:
    """A cell in Unicode's composed form (NFC), without white space and signs that nobody sees at its two ends.

    `é` may be one sign or two, and a zero-width space looks like nothing.
    """
    cell = unicodedata.normalize("NFC", cell)
    first, last = 0, len(cell)
    while first < last and _unseen(cell[first]):
        first += 1
    while last > first and _unseen(cell[last - 1]):
        last -= 1
    return cell[first:last]


def look_alike(cell: str) -> str:
    """What cells have in common that a reader might mistake for each other: all but case, width and spacing."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", cell)).casefold()


def are_names(first: str, second: str, kinds: tuple[str, str]) -> bool:
    """Whether two cells are usual names of columns of these two kinds, in this order or the other."""
    known = NAMES.get(kinds[0], set()) | NAMES.get(kinds[1], set())
    return first.casefold() in known and second.casefold() in known and first.casefold() != second.casefold()


def _unseen(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) in ("Cf", "Cc")
