"""Translates a document line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import keras

from lmbook.decoding.text import translate
from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import Tokenizer, check_texts

# A sentence ends with a mark, perhaps with closing quotes or brackets after it, and white space; Chinese needs none.
_SENTENCE_END = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)»]))\s+|(?<=[。！？])(?![”’」』）])")


def sentences(line: str) -> list[str]:
    """Split a line into sentences: after . ! ? … followed by a space, and after 。！？."""
    return [part for part in _SENTENCE_END.split(line.strip()) if part]


def translate_lines(
    model: keras.Model,
    tokenizer: Tokenizer,
    lines: Sequence[str],
    *,
    longest: int,
    max_new_tokens: int,
    beams: int = 4,
    split_sentences: bool = False,
    batch_size: int = 16,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """Translate each line; empty lines stay empty.

    A line that is longer than the model has learned to read is cut after sentences into as few parts as possible, and
    the translations are joined again.

    Args:
        model: an `EncoderDecoder` or a `RecurrentEncoderDecoder`.
        tokenizer: the one that it was trained with, for both languages.
        lines: of the document, without line ends.
        longest: the most tokens that the model reads well, those of its training.
        max_new_tokens: the most tokens of a translation.
        beams: see `translate`.
        split_sentences: translate each sentence of a line by itself, for a model that was trained on single sentences.
        batch_size: parts that are translated together.
        report: is told (parts done, parts in all) after each batch.

    Raises:
        LmbookError: a sentence is longer than `longest`; its line's number is named.
    """
    check_texts(lines, "lines")
    parts = [_parts(line, tokenizer, number, longest, split_sentences) for number, line in enumerate(lines, start=1)]
    different = sorted(dict.fromkeys(part for line in parts for part in line), key=lambda p: len(tokenizer.encode(p)))
    translated = {}
    for first in range(0, len(different), batch_size):  # of about the same length; repeated texts are translated once
        batch = different[first : first + batch_size]
        texts = translate(model, tokenizer, batch, max_new_tokens=max_new_tokens, beams=beams, batch_size=batch_size)
        translated.update(zip(batch, texts, strict=True))
        report(len(translated), len(different))
    return [_join([translated[part] for part in line]) for line in parts]


def _parts(line: str, tokenizer: Tokenizer, number: int, longest: int, split_sentences: bool) -> list[str]:
    """The parts of a line that are translated separately: the whole line, or groups of sentences that fit."""
    if not split_sentences and len(tokenizer.encode(line.strip())) <= longest:
        return [line.strip()] if line.strip() else []
    parts: list[str] = []
    for sentence in sentences(line):
        tokens = len(tokenizer.encode(sentence))
        if tokens > longest:
            raise LmbookError(
                f"Line {number} has a sentence of {tokens} tokens, and the model reads at most {longest}: "
                f"{sentence[:60]!r}.",
                "Break it in two.",
            )
        together = _join([parts[-1], sentence]) if parts else sentence
        if parts and not split_sentences and len(tokenizer.encode(together)) <= longest:
            parts[-1] = together
        else:
            parts.append(sentence)
    return parts


def _join(texts: Sequence[str]) -> str:
    """Join sentences into a line, without a space after a Chinese full stop."""
    joined = ""
    for text in texts:
        joined += text if not joined or joined[-1] in "。！？" else f" {text}"
    return joined
