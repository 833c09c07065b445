"""The base class of all tokenizers, and the special ids that they hand to everything else."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from lmbook.errors import LmbookError
from lmbook.files import read_json, write_text

FORMAT = "lmbook tokenizer"
VERSION = 1
SPECIAL_TOKENS = ("<pad>", "<unk>", "<end>")


@dataclass(frozen=True)
class SpecialIds:
    """The ids of the tokens that are not text, for ids that no tokenizer made.

    Batches, scores and decoders ask for a tokenizer where they need such ids. A `Tokenizer` has these attributes, and
    so can be given wherever this can.

    Args:
        pad_id: fills the positions that hold nothing.
        unknown_id: stands for what the tokenizer does not know.
        end_id: closes a document and opens the next.
        first_id: opens what an encoder reads; None: `end_id`.
    """

    pad_id: int = 0
    unknown_id: int = 1
    end_id: int = 2
    first_id: int | None = None

    def __post_init__(self):
        if self.first_id is None:
            object.__setattr__(self, "first_id", self.end_id)

    @property
    def suppress_ids(self) -> tuple[int, ...]:
        """The ids that a model must not write, since they are not text."""
        return tuple(sorted({self.pad_id, self.unknown_id} - {self.end_id}))


class Tokenizer:
    """Text to ids and back.

    The first three ids are the same in every tokenizer that the book trains: `<pad>` fills what is not text, `<unk>`
    stands for what the tokenizer does not know, `<end>` closes a document and opens the next. Tokenizers of models that
    others have trained keep their own ids, so ask the attributes. `encode` never produces padding or an end, not even
    from a text that spells them; whoever joins documents puts them in by their ids.

    Args:
        tokens: the vocabulary in the order of the ids, the special tokens first.

    Attributes:
        kind: "character", "word" or "byte_pair"; or that of a tokenizer which comes with a trained model and keeps that
            model's own ids ("gpt2", "word_piece", "sentence_piece").
        tokens: list of V strings.
        vocabulary_size: V.
        pad_id, unknown_id, end_id, first_id: see `SpecialIds`. Padding may be no token of its own, but the same as the
            end (GPT-2's).
    """

    kind: ClassVar[str]
    special_tokens: ClassVar[tuple[str, ...]] = SPECIAL_TOKENS  # those that the vocabulary begins with
    pad_id: int = 0
    unknown_id: int = 1
    end_id: int = 2

    @cached_property
    def first_id(self) -> int:
        """The id that opens what an encoder reads: the end's, unless the tokenizer has a token for it."""
        return self.end_id

    def __init__(self, tokens: list[str]):
        self.tokens = tokens
        self.vocabulary_size = len(tokens)

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary_size: int | None = None) -> Tokenizer:
        """Learn the vocabulary from documents.

        Args:
            texts: the documents, a list of strings.
            vocabulary_size: at most so many tokens, the special ones included. None: the tokenizer's own default.

        Raises:
            LmbookError: `texts` is a single string, the documents hold no text, or the vocabulary would have no room
                for any token.
        """
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """The text's ids. Never fails: what is not in the vocabulary becomes `unknown_id`."""
        raise NotImplementedError

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. `<pad>` and `<end>` give nothing, an unknown token gives "<unk>".

        Raises:
            LmbookError: an id is outside of 0 … V - 1.
        """
        raise NotImplementedError

    def normalize(self, text: str) -> str:
        """The form of the text that comes back from `decode(encode(text))` when every token is known."""
        return valid_unicode(text)

    def settings(self) -> dict[str, Any]:
        """What a saved tokenizer holds besides its tokens: the further arguments of `__init__`."""
        return {}

    @property
    def suppress_ids(self) -> tuple[int, ...]:
        """The ids that a model must not write, since they are not text."""
        return SpecialIds(self.pad_id, self.unknown_id, self.end_id).suppress_ids

    @property
    def fingerprint(self) -> str:
        """sha256 of the saved file, in hexadecimal: the same exactly when the ids mean the same."""
        return hashlib.sha256(self._json().encode("utf-8")).hexdigest()

    def save(self, path: str | Path) -> Path:
        """Write the tokenizer as JSON, atomically."""
        return write_text(path, self._json())

    def _json(self) -> str:
        content = {"format": FORMAT, "version": VERSION, "kind": self.kind, "tokens": self.tokens, **self.settings()}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read a tokenizer of this class that `save` wrote.

        Raises:
            LmbookError: the file is missing, damaged, of another kind, or of a newer version of the book.
        """
        content = read_content(path)
        if content["kind"] != cls.kind:
            raise LmbookError(
                f"{path} holds a tokenizer of kind {content['kind']!r}, not {cls.kind!r}.",
                "Use lmbook.tokenizers.registry.load_tokenizer, which takes every kind.",
            )
        if tuple(content["tokens"][: len(cls.special_tokens)]) != cls.special_tokens:
            raise LmbookError(f"{path} is a damaged tokenizer file.", "Train the tokenizer again.")
        try:
            return cls(**{name: value for name, value in content.items() if name not in ("format", "version", "kind")})
        except Exception as error:  # whatever a damaged file makes of the constructor
            raise LmbookError(f"{path} is a damaged tokenizer file: {error}.", "Train the tokenizer again.") from error

    def _check(self, ids: Iterable[int]) -> list[int]:
        """The ids as plain integers, each in the vocabulary."""
        ids = [int(id) for id in ids]
        for id in ids:
            if not 0 <= id < self.vocabulary_size:
                raise LmbookError(
                    f"Id {id} is not in the vocabulary of {self.vocabulary_size} tokens.",
                    "Decode with the tokenizer that the ids were made with.",
                )
        return ids


def check_texts(texts: Iterable[str], name: str = "texts") -> None:
    """Check that these are several texts: Python would take a single string for a list of its characters.

    Raises:
        LmbookError: it is one string.
    """
    if isinstance(texts, str | bytes):
        raise LmbookError(
            f"{name} is one string that begins with {texts[:40]!r}, not a list of strings.", "Put it in a list: [text]."
        )


def valid_unicode(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs, which are not Unicode text and which no file can hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def read_content(path: str | Path) -> dict[str, Any]:
    """The JSON of a tokenizer file, checked as far as all kinds agree.

    Raises:
        LmbookError: the file is missing, damaged, no tokenizer, or of a newer version of the book.
    """
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LmbookError(f"{path} is not a tokenizer of the book.", "Give the tokenizer.json that training left.")
    version = content.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise LmbookError(
            f"{path} has format version {version!r}; this version of the book reads up to {VERSION}.",
            "Update the book, or train the tokenizer again.",
        )
    tokens = content.get("tokens")
    if (
        not isinstance(content.get("kind"), str)
        or not isinstance(tokens, list)
        or not all(isinstance(token, str) for token in tokens)
    ):
        raise LmbookError(f"{path} is a damaged tokenizer file.", "Train the tokenizer again.")
    return content


def frequent_tokens(counts: Counter[str], vocabulary_size: int | None) -> list[str]:
    """The special tokens, then the counted ones: frequent ones first, equally frequent ones by code point.

    Raises:
        LmbookError: nothing was counted, or there is no room for any token.
    """
    if not counts:
        raise LmbookError("The text is empty: there is no token to learn.", "Give a text with some words.")
    if vocabulary_size is not None and vocabulary_size <= len(SPECIAL_TOKENS):
        raise LmbookError(
            f"vocabulary_size is {vocabulary_size}, but {len(SPECIAL_TOKENS)} ids are taken by "
            f"{', '.join(SPECIAL_TOKENS)}.",
            f"Choose at least {len(SPECIAL_TOKENS) + 1}.",
        )
    room = None if vocabulary_size is None else vocabulary_size - len(SPECIAL_TOKENS)
    ordered = sorted(counts, key=lambda token: (-counts[token], token))
    return [*SPECIAL_TOKENS, *ordered[:room]]


def index_tokens(tokens: list[str]) -> dict[str, int]:
    """Token to id, for the tokens that text can hold.

    Raises:
        LmbookError: a token stands twice.
    """
    ids = {token: id for id, token in enumerate(tokens) if id >= len(SPECIAL_TOKENS)}
    if len(ids) != len(tokens) - len(SPECIAL_TOKENS):
        raise LmbookError("A token stands twice in the vocabulary.", "Train the tokenizer again.")
    return ids
