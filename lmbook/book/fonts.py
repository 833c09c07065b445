"""Chinese in pictures: a font that comes with the book, so that every machine draws the same without installing any.

Matplotlib's own font has no Chinese characters and draws boxes in their place. `with_chinese` names the fonts in which
a text is looked up, character by character: the reader's own first, then the book's, then one of the machine's for
what is rarer than the book.

`font_data/lmbook_chinese.otf` is Noto Sans CJK SC (SIL Open Font License, beside it), cut down to the characters of
greentree and of the Chinese corpora of the catalogue. `python -m lmbook.book.fonts NotoSansCJK-Regular.ttc` makes it
again (the file of Debian's package fonts-noto-cjk), and `lmbook data get tatoeba_eng_cmn chinese_poetry` brings the
texts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from lmbook.files import write_atomically

FILE = Path(__file__).parent / "font_data" / "lmbook_chinese.otf"
FAMILY = "Lmbook Chinese"
INSTALLED = (  # what systems bring for Chinese: Linux, Windows, macOS
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Arial Unicode MS",
)
_FIRST_EASTERN = 0x2E80  # where Unicode's blocks of Chinese signs begin


def with_chinese(families: Iterable[str]) -> list[str]:
    """The font families, then those that have the Chinese characters which these lack."""
    families = list(families)
    return families + [family for family in _fallbacks() if family not in families]


@cache
def _fallbacks() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    fontManager.addfont(FILE)
    known = set(fontManager.get_font_names())
    return (FAMILY, *[family for family in INSTALLED if family in known][:1])


def make(source: Path, texts: Iterable[str]) -> None:
    """Cut the font collection `source` down to the Chinese characters of `texts`, and write it to `FILE`."""
    from fontTools import subset
    from fontTools.ttLib import TTCollection

    fonts = TTCollection(source).fonts
    font = next(font for font in fonts if font["name"].getDebugName(1) == "Noto Sans CJK SC")
    options = subset.Options(hinting=False, desubroutinize=True, layout_features=[], name_IDs=[0, 1, 2, 13, 14])
    options.drop_tables += ["BASE", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]  # for setting type, not for single signs
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes={ord(sign) for text in texts for sign in text if ord(sign) >= _FIRST_EASTERN})
    subsetter.subset(font)
    font["name"].setName(FAMILY, 1, 3, 1, 0x409)
    font["CFF "].cff.fontNames = [FAMILY.replace(" ", "")]
    write_atomically(FILE, font.save)


def _texts() -> Iterable[str]:
    """What the font must be able to show."""
    from lmbook.corpora.catalogue import load_corpus
    from lmbook.corpora.greentree import tell_stories

    for story in tell_stories(20_000, seed=77, split="all"):
        yield story.chinese
        for question in story.questions():
            yield question.chinese + question.chinese_answer
    for name in ("tatoeba_eng_cmn", "chinese_poetry"):
        for records in load_corpus(name).splits.values():
            yield from (value for record in records for value in record.values())


if __name__ == "__main__":
    make(Path(sys.argv[1]), _texts())
