"""The reader's own text: a file, a gzipped file, or a folder of them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from lmbook.console import note, told_if_it_waits
from lmbook.corpora.corpus import Corpus
from lmbook.corpora.encodings import decode_text
from lmbook.corpora.folders import TEXT_SUFFIXES, text_files
from lmbook.errors import LmbookError
from lmbook.paths import explained, missing, reader_path, shown_path

SHORTEST_TEXT = 500  # characters: less cannot be cut into something to train on and something to validate with
LARGEST_FILE = 2**30  # bytes, unpacked


def read_text(path: str | Path) -> str:
    """Read a text file (UTF-8, with or without a byte order mark, plain or gzipped) or a folder of such files.

    Line ends become `\\n`. Of a folder, the files ending in .txt, .text or .md (and .gz after that), at any depth, are
    read in the order of their paths and joined by an empty line. Hidden files and folders of trainings are left out,
    which is said.

    Raises:
        LmbookError: it is missing, cannot be read, is binary, is not UTF-8 (the byte offset is named) or is empty.
    """
    return "\n\n".join(read_documents(path))


def read_documents(path: str | Path) -> list[str]:
    """Like `read_text`, but a folder gives one document a file. Empty files of a folder are passed over.

    Raises:
        LmbookError: as `read_text`.
    """
    path = reader_path(path)
    if missing(path):
        raise LmbookError(f"There is no file {shown_path(path)}.", "Check the path.")
    if not path.is_dir():
        text = _read_file(path)
        if not text.strip():
            raise LmbookError(f"{path} is empty.", "Give a file with text in it.")
        return [text]
    found = text_files(path)
    texts = [text for text in map(_read_file, found.files) if text.strip()]
    if found.passed_over:
        note(f"{path}: {len(texts):,} of its files read; left out: {', '.join(found.passed_over)}.")
    if not texts:
        raise LmbookError(
            f"The folder {path} holds no text.", f"Files ending in {', '.join(TEXT_SUFFIXES)} are read, also gzipped."
        )
    return texts


def text_corpus(path: str | Path, fractions: Sequence[float] = (0.9, 0.1)) -> Corpus:
    """Make a corpus for language modelling of the reader's own text.

    The text is cut in order, not shuffled: the first part is for training, the next for validation, and, when there
    are three fractions, the last for testing. A cut falls behind a line end or a space, so that no word is broken.

    Args:
        path: a file or a folder, as in `read_text`. The corpus is named by its stem.
        fractions: the shares of train and validation, or of train, validation and test; they sum to 1.

    Raises:
        LmbookError: as `read_text`; or the text is shorter than 500 characters, or the fractions are wrong.
    """
    if len(fractions) not in (2, 3) or abs(sum(fractions) - 1) > 1e-6 or min(fractions) <= 0:
        raise LmbookError(
            f"The fractions {tuple(fractions)} do not split a text.", "Give two or three above 0 that sum to 1."
        )
    documents = read_documents(path)
    length = sum(map(len, documents))
    if length < SHORTEST_TEXT:
        raise LmbookError(
            f"{path} is too short: it has {length} characters.",
            f"At least {SHORTEST_TEXT} are needed to train and to validate; a model worth reading needs 100,000.",
        )
    names = ("train", "validation", "test")[: len(fractions)]
    if len(documents[-1]) - len(documents[-1].rstrip()) > min(fractions) * length / 2:
        documents[-1] = documents[-1].rstrip() + "\n"  # empty lines are nothing to validate with
        length = sum(map(len, documents))
    cuts = [round(length * sum(fractions[: index + 1])) for index in range(len(fractions))]
    splits = {
        name: [{"text": text} for text in texts]
        for name, texts in zip(names, _cut_documents(documents, cuts), strict=True)
    }
    return Corpus(corpus_name(path), "language_modelling", "", splits)


def text_splits(path: str | Path, validation: str | Path | None, test: str | Path | None) -> Corpus:
    """`text_corpus`, with texts of the reader's own to validate and to test with.

    Raises:
        LmbookError: as `text_corpus`.
    """

    def records(file: str | Path) -> list[dict]:
        return [{"text": text} for text in read_documents(file)]

    own = {name: records(file) for name, file in (("validation", validation), ("test", test)) if file is not None}
    splits = text_corpus(path).splits if validation is None else {"train": records(path)}
    return Corpus(corpus_name(path), "language_modelling", "", {**splits, **own})


def corpus_name(path: str | Path) -> str:
    """What a corpus of the reader's own file or folder is called: its stem."""
    path = Path(path).expanduser()
    if not missing(path) and not path.is_file() and not path.is_dir():
        return "pipe"
    path = path.resolve()
    if path.is_dir():
        return path.name
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def _cut_documents(documents: list[str], cuts: list[int]) -> list[list[str]]:
    """Cut a list of documents at the given counts of characters; the last count is the end."""
    parts: list[list[str]] = [[] for _ in cuts]
    part, seen = 0, 0
    for document in documents:
        while part < len(cuts) - 1 and seen + len(document) > cuts[part]:
            cut = _word_end(document, cuts[part] - seen)
            if document[:cut]:
                parts[part].append(document[:cut])
            seen, document, part = seen + cut, document[cut:], part + 1
        if document:
            parts[part].append(document)
            seen += len(document)
    return parts


def _word_end(text: str, cut: int) -> int:
    """Move a cut back behind the last line end, or else the last space, in the 1,000 characters before it."""
    start = max(0, cut - 1000)
    for mark in ("\n", " "):
        found = text.rfind(mark, start, cut)
        if found > 0:
            return found + 1
    return cut


def _read_file(path: Path) -> str:
    return decode_text(_read_bytes(path), path).replace("\r\n", "\n").replace("\r", "\n")


def _read_bytes(path: Path) -> bytes:
    """All bytes of a file, unpacked. It is opened once: what was read from a pipe does not come again."""
    try:
        with told_if_it_waits(path), path.open("rb") as file:
            packed = file.peek(2)[:2] == b"\x1f\x8b"
            data = (gzip.GzipFile(fileobj=file) if packed else file).read(LARGEST_FILE + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise LmbookError(f"{path} is a damaged gzip file: {error}.", "Make or download it again.") from error
    except OSError as error:
        raise explained(error, path, "read") from error
    if len(data) > LARGEST_FILE:
        raise LmbookError(f"{path} holds more than {LARGEST_FILE:,} bytes of text.", "Give a part of it.")
    return data
