"""Texts that ship in packages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from lmbook.corpora.splits import split_by_text


def kjv(folder: Path) -> dict[str, list[dict]]:
    """The King James text: a document a chapter. The brackets around supplied words are dropped.

    The module is Python source, one text in triple quotes and a table of the place where each verse starts (its number
    is book, chapter and verse: 1001001). Both are read as text; nothing is executed.
    """
    source = (folder / "plain_text_readers_bible.py").read_text(encoding="utf-8")
    _, quoted, rest = source.split('"""')
    text = ast.literal_eval(f'"""{quoted}"""')
    table = rest[: rest.index("}")]  # the first table is of starts, the second of ends
    starts: dict[int, int] = {}
    for verse, start in re.findall(r"(\d+): (\d+),", table):
        starts.setdefault(int(verse) // 1000, int(start))
    chapters = sorted(starts, key=starts.__getitem__)
    ends = [starts[chapter] for chapter in chapters[1:]] + [len(text)]
    records = [
        {
            "text": re.sub(r"[\[\]]", "", text[starts[chapter] : end]).strip(),
            "book": chapter // 1000,
            "chapter": chapter % 1000,
        }
        for chapter, end in zip(chapters, ends, strict=True)
    ]
    return split_by_text(records, lambda record: record["text"])
