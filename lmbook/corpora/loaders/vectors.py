"""Tests for word vectors."""

from __future__ import annotations

from pathlib import Path


def analogies(folder: Path) -> dict[str, list[dict]]:
    """`{"section", "a", "b", "c", "d"}`: a is to b as c is to d ("Athens", "Greece", "Baghdad", "Iraq")."""
    records, section = [], ""
    for line in (folder / "test/test_data/questions-words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(": "):
            section = line[2:]
        else:
            a, b, c, d = line.split()
            records.append({"section": section, "a": a, "b": b, "c": c, "d": d})
    return {"test": records}


def wordsim353(folder: Path) -> dict[str, list[dict]]:
    """`{"first", "second", "score"}`: how related two words are, the mean of 13 or 16 people's answers from 0 to 10."""
    lines = (folder / "test/test_data/wordsim353.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {"test": [{"first": first, "second": second, "score": float(score)} for first, second, score in rows]}
