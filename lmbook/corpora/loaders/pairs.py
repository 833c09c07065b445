"""Sentences with their translations."""

from __future__ import annotations

from pathlib import Path

from lmbook.corpora.splits import split_pairs


def tatoeba_eng_fra(folder: Path) -> dict[str, list[dict]]:
    """`{"source", "target"}`, English and French."""
    return _tatoeba(folder / "fra-eng" / "fra.txt")


def tatoeba_eng_cmn(folder: Path) -> dict[str, list[dict]]:
    """`{"source", "target"}`, English and Mandarin (simplified and traditional characters are mixed)."""
    return _tatoeba(folder / "cmn-eng" / "cmn-eng" / "cmn.txt")


def _tatoeba(file: Path) -> dict[str, list[dict]]:
    records = []
    for line in filter(None, file.read_text(encoding="utf-8").split("\n")):
        source, target = line.split("\t")[:2]  # newer files name the authors in a third column
        records.append({"source": source, "target": target})
    return split_pairs(records)


def mt_eval_deen(folder: Path) -> dict[str, list[dict]]:
    """`{"output", "reference_bpe", "reference_spm"}`: a system's English, and the reference in two kinds of pieces."""
    columns = [
        (folder / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        for name in ("deen_output", "deen_ref_bpe", "deen_ref_spm")
    ]
    names = ("output", "reference_bpe", "reference_spm")
    return {"test": [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]}
