"""The snapshot of greentree in `data/greentree/`, and greentree as a `Corpus`."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from lmbook.corpora.corpus import Corpus
from lmbook.corpora.greentree import tell_stories
from lmbook.files import write_text

_PACKAGE = Path(__file__).resolve().parents[2]
_PLACES = [place / "data" / "greentree" for place in (_PACKAGE.parent, _PACKAGE / "shipped")]
FOLDER = next((place for place in _PLACES if place.is_dir()), _PLACES[0])  # of a checkout, or of the installed package
COLUMNS = ("topic", "mood", "english", "chinese")

# split of the snapshot -> (number of stories, seed, split of the grammar)
SNAPSHOT = {
    "train": (6000, 0, "seen"),
    "validation": (500, 1, "seen"),
    "test": (500, 2, "seen"),
    "held_out": (500, 3, "held_out"),
}


@cache
def snapshot() -> dict[str, str]:
    """The files of the snapshot: tab-separated, a header and a line for each story.

    The shortest stories are likely enough to be told twice; a text of an earlier split is left out of the later ones.
    """
    files, known = {}, set()
    for split, (count, seed, part) in SNAPSHOT.items():
        stories = [(story, story.english) for story in tell_stories(count + count // 10, seed, part)]
        stories = [(story, text) for story, text in stories if text not in known][:count]
        known.update(text for _, text in stories)
        lines = ["\t".join(COLUMNS)]
        lines += ["\t".join((story.topic, story.mood, text, story.chinese)) for story, text in stories]
        files[split] = "\n".join(lines) + "\n"
    return files


def write_snapshot(folder: Path = FOLDER) -> None:
    """Write the snapshot and its checksums."""
    sums = []
    for split, text in snapshot().items():
        write_text(folder / f"{split}.tsv", text)
        sums.append(f"{hashlib.sha256(text.encode('utf-8')).hexdigest()}  {split}.tsv\n")
    write_text(folder / "SHA256SUMS", "".join(sums))


def verify_snapshot(folder: Path = FOLDER) -> list[tuple[str, bool, str]]:
    """(file, whether it is right, what is wrong) for each file of the snapshot."""
    rows = []
    for split, text in snapshot().items():
        path = folder / f"{split}.tsv"
        if not path.exists():
            rows.append((path.name, False, "missing"))
        else:
            right = path.read_bytes() == text.encode("utf-8")
            rows.append((path.name, right, "" if right else "differs from what the grammar tells"))
    return rows


@cache
def load(language: str = "english") -> Corpus:
    """greentree in English or Chinese. Records: {"text", "topic", "mood", "translation"}.

    Read from the snapshot where the checkout has it, else generated: both are the same, byte for byte.
    """
    other = "chinese" if language == "english" else "english"
    splits = {}
    for split in SNAPSHOT:
        path = FOLDER / f"{split}.tsv"
        text = path.read_text(encoding="utf-8") if path.exists() else snapshot()[split]
        rows = [dict(zip(COLUMNS, line.split("\t"), strict=True)) for line in text.splitlines()[1:]]
        splits[split] = [
            {"text": row[language], "topic": row["topic"], "mood": row["mood"], "translation": row[other]}
            for row in rows
        ]
    code = "en" if language == "english" else "zh"
    return Corpus("greentree" if code == "en" else "greentree_zh", "language_modelling", code, splits)


if __name__ == "__main__":
    write_snapshot()
