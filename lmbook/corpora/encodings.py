"""Bytes to text: UTF-8, UTF-16 with its mark, and good advice for everything else."""

from __future__ import annotations

import codecs
from pathlib import Path

from lmbook.errors import LmbookError
from lmbook.paths import shown_path

_FORMATS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an office document",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_MARKS = (  # the longer ones first: UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 50_000  # bytes, to guess an encoding
# Guesses among these are chance: Western text uses letters that they share, and cp1252 is by far the commonest.
_WESTERN = {"cp1250", "cp1254", "cp1256", "cp1257", "cp1258", "latin_1", "iso8859_15", "mac_roman", "cp1006", "cp775"}


def decode_text(data: bytes, path: Path) -> str:
    """Decode UTF-8, with or without byte order marks, or UTF-16 and UTF-32 with one; `path` is for the message.

    Another encoding is refused, not guessed: text that was read wrongly would be trained on as it is.

    Raises:
        LmbookError: the bytes are not text, or not UTF-8 (the offset of the first wrong byte is named, and how the text
            around it would read in the likeliest encodings).
    """
    for start, kind in _FORMATS.items():
        if data.startswith(start):
            raise LmbookError(f"{shown_path(path)} is {kind}, not text in UTF-8.", "Save it as plain text in UTF-8.")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise LmbookError(
                f"{shown_path(path)} is damaged text in {encoding.upper()}, at offset {error.start}.",
                "Save it again, in UTF-8.",
            ) from None
        _refuse_bare_utf_16(data, path)
        _refuse_zero(data, path)
        line = data.count(b"\n", 0, error.start) + 1
        raise LmbookError(
            f"{shown_path(path)} is not UTF-8: the byte 0x{data[error.start]:02x} at offset {error.start} "
            f"(line {line}) is wrong.",
            _advice(data, error.start),
        ) from None
    if encoding == "utf-8":
        _refuse_bare_utf_16(data, path)
        _refuse_zero(data, path)
    return text.lstrip("\ufeff")


def _refuse_zero(data: bytes, path: Path) -> None:
    zero = data.find(b"\0")
    if zero >= 0:
        raise LmbookError(
            f"{shown_path(path)} is binary: the byte at offset {zero} is 0.", "Give a plain text file."
        ) from None


def _refuse_bare_utf_16(data: bytes, path: Path) -> None:
    """UTF-16 without its mark: every line end and space of it has a zero byte, always on the same side."""
    head = data[: _LOOKED_AT // 2 * 2]
    zeros = [head[side::2].count(0) for side in (0, 1)]
    if max(zeros) < 10 or min(zeros) or len(data) % 2:
        return
    name = "utf-16-le" if zeros[1] else "utf-16-be"
    found = head.decode(name, errors="ignore")
    if found and sum(sign.isprintable() or sign.isspace() for sign in found) > 0.95 * len(found):
        raise LmbookError(
            f"{shown_path(path)} is text in UTF-16 without a byte order mark; it reads {found[:40]!r}.",
            f"Save it in UTF-8: iconv -f {name.upper().replace('-16-', '-16')} -t utf-8 FILE > NEW",
        ) from None


def _advice(data: bytes, wrong: int) -> str:
    """What to do about text in an unknown encoding: its likeliest ones, and how the place would read in each."""
    first = max(data.rfind(b"\n", 0, wrong) + 1, wrong - 20)
    last = data.find(b"\n", wrong, wrong + 40)
    place = data[first : wrong + 40 if last < 0 else last]
    readings = {place.decode(name, "ignore").strip(): name for name in reversed(_likely(data))}
    told = " or ".join(f"{name} ({reading!r})" for reading, name in reversed(readings.items()))
    return (
        f"It may be in {told}; take the one that reads rightly: iconv -f {[*readings.values()][-1]} "
        "-t utf-8 FILE > NEW. Or save it again in UTF-8."
    )


def _likely(data: bytes) -> list[str]:
    """The likeliest encodings, the best first."""
    from charset_normalizer import from_bytes

    names = []
    for found in [match.encoding for match in from_bytes(data[:_LOOKED_AT])][:2]:
        name = "cp1252" if found in _WESTERN else found
        if name not in names and not name.startswith("utf"):
            names.append(name)
    if "cp1252" not in names:
        names.append("cp1252")
    return [name.replace("_", "-") for name in names]
