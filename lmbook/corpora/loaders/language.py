"""Running text: records `{"text": one document}`, some with more fields."""

from __future__ import annotations

import json
from pathlib import Path

from lmbook.corpora.splits import split_by_text


def tiny_shakespeare(folder: Path) -> dict[str, list[dict]]:
    """One document a split: the first 90 % of the characters, and the rest, as in char-rnn and nanoGPT."""
    text = (folder / "input.txt").read_bytes().decode("utf-8")
    cut = int(len(text) * 0.9)
    return {"train": [{"text": text[:cut]}], "validation": [{"text": text[cut:]}]}


def makemore_names(folder: Path) -> dict[str, list[dict]]:
    """One document a name. A name that occurs twice is in one split both times."""
    names = (folder / "names.txt").read_text(encoding="utf-8").split()
    return split_by_text([{"text": name} for name in names], lambda record: record["text"])


def chinese_poetry(folder: Path) -> dict[str, list[dict]]:
    """One document a poem, a line a row; "form" is "tang" (traditional characters) or "song" (simplified)."""
    records = []
    for name, form in (("poet.tang.0.json", "tang"), ("唐诗三百首.json", "tang"), ("宋词三百首.json", "song")):
        for poem in json.loads((folder / name).read_text(encoding="utf-8")):
            title = poem.get("title") or poem["rhythmic"]  # a Song poem is called by the tune it is written to
            records.append(
                {"text": "\n".join(poem["paragraphs"]), "title": title, "author": poem["author"], "form": form}
            )
    return split_by_text(records, lambda record: record["text"])
