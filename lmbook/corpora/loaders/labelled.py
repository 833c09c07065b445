"""Texts with a label, or with labelled spans."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from lmbook.corpora.splits import normalised, split_by_text, split_groups


def sms_spam(folder: Path) -> dict[str, list[dict]]:
    """`{"text", "label"}`, the label "ham" or "spam"."""
    lines = (folder / "SMSSpamCollection").read_text(encoding="utf-8").split("\n")
    records = []
    for line in filter(None, lines):
        label, text = line.split("\t", 1)
        records.append({"text": text, "label": label})
    return split_by_text(records, lambda record: record["text"])


def rt_polarity(folder: Path) -> dict[str, list[dict]]:
    """`{"text", "label"}`, the label "positive" or "negative"."""
    records = []
    for label in ("positive", "negative"):
        file = folder / "sentence_polarity" / "sentence_polarity" / f"rt-polarity.{label[:3]}"
        lines = file.read_text(encoding="utf-8").split("\n")
        records += [{"text": line.strip(), "label": label} for line in lines if line.strip()]
    return split_by_text(records, lambda record: record["text"])


def pii_synthetic(folder: Path) -> dict[str, list[dict]]:
    """`{"text", "template", "frame", "spans": [{"type", "text", "start", "end"}]}`, places in characters.

    The sentences were made by filling in templates. "template" is the number of a sentence's own, "frame" what is left
    of it in the sentence (`frame_of`); no template and no frame is in two splits. The numbers alone would not do: two
    may differ in the names of what is filled in only. Nor would the frames: one file has templates in which a word or
    a year stands where the other fills one in. A sentence with a span that is not where it says (there is one) is left
    out.
    """
    records = []
    for name in ("synth_dataset_v2.json", "generated_small.json"):
        for entry in json.loads((folder / name).read_text(encoding="utf-8")):
            spans = [
                {
                    "type": span["entity_type"],
                    "text": span["entity_value"],
                    "start": span["start_position"],
                    "end": span["end_position"],
                }
                for span in entry["spans"]
            ]
            spans.sort(key=lambda span: span["start"])
            text, template = entry["full_text"], entry["template_id"]
            if all(text[span["start"] : span["end"]] == span["text"] for span in spans):
                records.append({"text": text, "template": template, "frame": frame_of(text, spans), "spans": spans})
    return split_groups(records, lambda record: [("frame", record["frame"]), ("template", str(record["template"]))])


def frame_of(text: str, spans: Sequence[dict]) -> str:
    """What is left of a text without its spans and without numbers, in small letters; the same for a template's texts.

    Where no word is left, it is the marks between the spans.

    Args:
        text: the text.
        spans: of it, in order, each with "start" and "end".
    """
    parts, done = [], 0
    for span in spans:
        parts.append(text[done : span["start"]])
        done = span["end"]
    return normalised(re.sub(r"\d+", " ", "{}".join([*parts, text[done:]])))
