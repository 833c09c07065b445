"""Labelled corpora as the data of a filter: unwanted texts and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError

UNWANTED = {"label": ("spam", "negative"), "mood": ("sad", "angry")}  # by the field that says what a text is
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class UnwantedTexts:
    """The texts of each split, and for each whether it is unwanted: bool [N]."""

    texts: dict[str, list[str]]
    unwanted: dict[str, np.ndarray]

    @classmethod
    def of(cls, splits: Mapping[str, Sequence[Mapping]], most: Mapping[str, int]) -> UnwantedTexts:
        """Unwanted is what is labelled "spam" or "negative"; of stories, those that end sadly or in anger.

        Args:
            splits: of a labelled corpus, the records with "text".
            most: of a split so many at most; all of one that is not named.

        Raises:
            LmbookError: the corpus has no such class.
        """
        for label, classes in UNWANTED.items():
            if all(any(record.get(label) in classes for record in splits.get(part, ())) for part in PARTS):
                kept = {part: splits[part][: most.get(part)] for part in PARTS}
                texts = {part: [record["text"] for record in records] for part, records in kept.items()}
                found = {part: np.array([r[label] in classes for r in records]) for part, records in kept.items()}
                return cls(texts, found)
        raise LmbookError("The corpus has no class that is filtered.", "Take sms_spam, rt_polarity or greentree.")

    def of_class(self, part: str, unwanted: bool) -> list[str]:
        """The unwanted texts of a split, or the others."""
        return [text for text, one in zip(self.texts[part], self.unwanted[part], strict=True) if one == unwanted]
