"""Texts with a label, or with labelled spans."""

from __future__ import annotations

import json
from pathlib import Path

from lmbook.corpora.splits import split_by_text


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
    """`{"text", "masked", "spans": [{"type", "text", "start", "end"}]}`, places in characters.

    A sentence with a span that is not where it says (there is one) is left out.
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
            text = entry["full_text"]
            if all(text[span["start"] : span["end"]] == span["text"] for span in spans):
                records.append({"text": text, "masked": entry["masked"], "spans": spans})
    return split_by_text(records, lambda record: record["masked"])
