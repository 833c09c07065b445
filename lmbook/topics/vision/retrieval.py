"""Retrieval: finding the text that belongs to a picture among many, and the reverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class Retrieval:
    """The results of a retrieval in which text number i belongs to picture number i.

    Attributes:
        texts: int [N], the text that was taken for each picture.
        pictures: int [N], the picture that was taken for each text.
    """

    texts: np.ndarray
    pictures: np.ndarray

    @property
    def text_right(self) -> np.ndarray:
        """Whether each picture's text was found, bool [N]."""
        return self.texts == np.arange(len(self.texts))

    @property
    def picture_right(self) -> np.ndarray:
        """Whether each text's picture was found, bool [N]."""
        return self.pictures == np.arange(len(self.pictures))

    @property
    def at_1(self) -> float:
        """The share of right first choices ("recall at 1"), the mean of both directions."""
        return float((self.text_right.mean() + self.picture_right.mean()) / 2)


def retrieve(similarities: np.ndarray, candidates: int = 100) -> Retrieval:
    """The most similar candidate of each picture and of each text.

    Args:
        similarities: [N, N], of picture (row) and text (column). They are cut into groups of `candidates`, one after
            the other, and each picture chooses among the texts of its group. The texts should all be different. Of
            equals the first is taken.
        candidates: N must be a multiple of it.

    Raises:
        LmbookError: it is not, or there are not as many texts as pictures.
    """
    similarities = np.asarray(similarities)
    if similarities.ndim != 2 or similarities.shape[0] != similarities.shape[1]:
        raise LmbookError(f"The similarities have the shape {list(similarities.shape)}.", "Give N x N.")
    count = len(similarities)
    if candidates < 1 or not count or count % candidates:
        raise LmbookError(
            f"{count} pictures cannot be cut into groups of candidates={candidates}.",
            "Give a multiple of it.",
        )
    texts, pictures = np.zeros(count, int), np.zeros(count, int)
    for first in range(0, count, candidates):
        group = slice(first, first + candidates)
        texts[group] = first + similarities[group, group].argmax(axis=1)
        pictures[group] = first + similarities[group, group].argmax(axis=0)
    return Retrieval(texts, pictures)
