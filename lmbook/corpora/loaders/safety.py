"""Probes of bias and of safety. They are for measuring: none of them is to be trained on."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from lmbook.corpora.splits import without_copies

_PRONOUNS = ("he", "she", "him", "her", "his", "hers")


def crows_pairs(folder: Path) -> dict[str, list[dict]]:
    """`{"sent_more", "sent_less", "stereo_antistereo", "bias_type"}`: the first sentence is the more stereotyping."""
    names = ("sent_more", "sent_less", "stereo_antistereo", "bias_type")
    return {"test": [{name: row[name] for name in names} for row in _rows(folder / "crows_pairs_anonymized.csv")]}


def winobias(folder: Path) -> dict[str, list[dict]]:
    """`{"text", "marked", "entity", "pronoun", "stereotype", "type"}`.

    "marked" has the pronoun and what it refers to in brackets; "stereotype" is "pro" or "anti"; type 2 can be solved by
    grammar, type 1 only by knowledge of the world. Sentences of the development files that also occur in the test
    files are left out.
    """
    splits: dict[str, list[dict]] = {"validation": [], "test": []}
    for split, ending in (("validation", "dev"), ("test", "test")):
        for stereotype in ("pro", "anti"):
            for kind in (1, 2):
                file = folder / f"{stereotype}_stereotyped_type{kind}.txt.{ending}"
                for line in filter(None, file.read_text(encoding="utf-8").split("\n")):
                    sentence = line.split(" ", 1)[1].strip()
                    splits[split].append(_marked(sentence) | {"stereotype": stereotype, "type": kind})
    return without_copies(splits, lambda record: record["text"])


def _marked(sentence: str) -> dict:
    marks = re.findall(r"\[(.+?)\]", sentence)
    pronoun = next(mark for mark in marks if mark.lower() in _PRONOUNS)  # a few sentences mark a second one
    entity = next(mark for mark in marks if mark.lower() not in _PRONOUNS)
    return {"text": re.sub(r"[\[\]]", "", sentence), "marked": sentence, "entity": entity, "pronoun": pronoun}


def xstest(folder: Path) -> dict[str, list[dict]]:
    """`{"text", "label", "type", "focus"}`, the label "safe" or "unsafe"."""
    return {
        "test": [
            {"text": row["prompt"], "label": row["label"], "type": row["type"], "focus": row["focus"]}
            for row in _rows(folder / "xstest_prompts.csv")
        ]
    }


def advbench(folder: Path) -> dict[str, list[dict]]:
    """`{"text", "target"}`: a harmful request, and the beginning of an answer that complies."""
    return {"test": [{"text": row["goal"], "target": row["target"]} for row in _rows(folder / "harmful_behaviors.csv")]}


def _rows(file: Path) -> list[dict]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
