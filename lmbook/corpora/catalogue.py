"""The catalogue of data sets, and loading one by name."""

from __future__ import annotations

from importlib import import_module

from lmbook.corpora.cache import corpus_folder
from lmbook.corpora.card import Card, CardFile, cards, find_card
from lmbook.corpora.corpus import Corpus
from lmbook.corpora.download import get
from lmbook.corpora.packages import package_folder
from lmbook.errors import LmbookError

__all__ = ["Card", "CardFile", "cards", "find_card", "load_corpus"]


def load_corpus(name: str) -> Corpus:
    """Load a corpus by name: built in ("greentree", "greentree_zh") or of the catalogue, downloading it if need be.

    Raises:
        LmbookError: there is no corpus of that name (the nearest is offered), or it cannot be had: see `download.get`.
    """
    if name in ("greentree", "greentree_zh"):
        from lmbook.corpora.greentree import corpus

        return corpus.load("chinese" if name == "greentree_zh" else "english")
    card = find_card(name)
    get(name)
    folder = package_folder(card) if card.kind == "package" else corpus_folder(name)
    module, function = card.loader.split(":")
    splits = getattr(import_module(f"lmbook.corpora.{module}"), function)(folder)
    counts = {split: len(records) for split, records in splits.items()}
    if counts != card.splits:
        raise LmbookError(
            f'The data set "{name}" has other counts than its card: {counts} instead of {card.splits}.',
            f"Check its files: lmbook data verify {name}",
        )
    return Corpus(name, card.task, card.language, splits)
