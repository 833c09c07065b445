"""Recorded speech with its words: records name the sound file; reading the sound is for who uses it."""

from __future__ import annotations

import re
from pathlib import Path


def fsdd(folder: Path) -> dict[str, list[dict]]:
    """`{"path", "label", "speaker", "index"}`: a spoken digit, 8 kHz, mono, 16 bit; the label is "0" to "9".

    Each speaker said each digit 50 times: 0-4 are for testing (the official split), 5-9 for validation.
    """
    splits: dict[str, list[dict]] = {"train": [], "validation": [], "test": []}
    for path in sorted((folder / "recordings").glob("*.wav")):
        label, speaker, index = path.stem.split("_")
        split = "test" if int(index) < 5 else "validation" if int(index) < 10 else "train"
        splits[split].append({"path": str(path), "label": label, "speaker": speaker, "index": int(index)})
    return splits


def speech_pocketsphinx(folder: Path) -> dict[str, list[dict]]:
    """`{"id", "path", "text", "set"}`: sentences of a novel ("librivox") and spoken playing cards ("cards"), 16 kHz."""
    records = []
    for part, transcript in (("librivox", "librivox/transcription"), ("cards", "cards/cards.transcription")):
        lines = (folder / transcript).read_text(encoding="utf-8").split("\n")
        for text, name in re.findall(r"<s>\s*(.*?)\s*</s>\s*\((.+?)\)", "\n".join(lines)):
            records.append({"id": name, "path": str(folder / part / f"{name}.wav"), "text": text, "set": part})
    return {"test": records}


def asr_sctk_csrnab(folder: Path) -> dict[str, list[dict]]:
    """`{"id", "reference", "hypothesis"}`. Six references hold alternatives: `{ a / b / @ }`, "@" for nothing."""
    references = _trn(folder / "csrnab.ref")
    hypotheses = _trn(folder / "csrnab.hyp")
    return {
        "test": [
            {"id": name, "reference": reference, "hypothesis": hypotheses[name]}
            for name, reference in references.items()
        ]
    }


def _trn(file: Path) -> dict[str, str]:
    """A transcript in NIST's trn form: words, then the utterance's name in brackets (its case varies)."""
    rows = re.findall(r"(?m)^(.*)\(([^()]+)\)\s*$", file.read_text(encoding="utf-8"))
    return {name.lower(): words.strip() for words, name in rows}
