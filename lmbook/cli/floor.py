"""The line that every loss on the built-in corpus is shown with."""

from __future__ import annotations


def exact_floor(corpus: str | None, texts: list[str], tokenizer) -> float | None:
    """The lowest possible cross-entropy of `texts` in nats per token, where the corpus's grammar is known, else None.

    `corpus` is what the reader gave after `--corpus`; `texts` are of a split whose stories the generator's own grammar
    tells (train, validation, test).
    """
    from lmbook.corpora.card import BUILT_IN

    if corpus not in BUILT_IN:
        return None
    from lmbook.corpora import greentree

    return greentree.floor(texts, tokenizer)
