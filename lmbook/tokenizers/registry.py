"""Trains and loads tokenizers by the name of their kind."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lmbook.errors import LmbookError
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.tokenizers.gpt2 import GPT2Tokenizer
from lmbook.tokenizers.sentence_piece import SentencePieceTokenizer
from lmbook.tokenizers.tokenizer import Tokenizer, read_content
from lmbook.tokenizers.word import WordTokenizer
from lmbook.tokenizers.word_piece import WordPieceTokenizer

KINDS: dict[str, type[Tokenizer]] = {kind.kind: kind for kind in (CharacterTokenizer, WordTokenizer, BytePairTokenizer)}
# Those of models that others have trained: they have their own ids, and are loaded, never trained.
FOREIGN_KINDS: dict[str, type[Tokenizer]] = {
    kind.kind: kind for kind in (GPT2Tokenizer, WordPieceTokenizer, SentencePieceTokenizer)
}


def train_tokenizer(kind: str, texts: Iterable[str], vocabulary_size: int | None = None) -> Tokenizer:
    """Train a tokenizer of the kind "character", "word" or "byte_pair" on documents.

    Raises:
        LmbookError: the kind is unknown, the text empty, or `vocabulary_size` too small.
    """
    if kind not in KINDS:
        raise LmbookError(f"There is no tokenizer of kind {kind!r}.", f"Choose one of {', '.join(KINDS)}.")
    return KINDS[kind].train(texts, vocabulary_size)


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read a saved tokenizer of any kind.

    Raises:
        LmbookError: the file is missing, damaged, no tokenizer, or of a newer version of the book.
    """
    kind, known = read_content(path)["kind"], KINDS | FOREIGN_KINDS
    if kind not in known:
        raise LmbookError(
            f"{path} holds a tokenizer of kind {kind!r}; this version of the book knows {', '.join(known)}.",
            "Update the book, or train the tokenizer again.",
        )
    return known[kind].load(path)
