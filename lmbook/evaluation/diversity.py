"""Diversity of generated texts: distinct and repeated n-grams."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from lmbook.errors import LmbookError


def distinct_n(texts: Sequence[Sequence[Hashable]], n: int) -> float:
    """Distinct-n: the number of different n-grams in all texts divided by the number of n-grams; 1 if none recurs.

    It falls with the amount of text, so only sets of about the same size can be compared.

    Args:
        texts: sequences of tokens.
        n: length of the n-grams, at least 1.

    Raises:
        LmbookError: no text has n tokens.

    Reference:
        Li et al. 2016, "A diversity-promoting objective function for neural conversation models", section 5.
    """
    grams = [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]
    if not grams:
        raise LmbookError(f"No text has {n} tokens.", "Give longer texts, or a smaller n.")
    return len(set(grams)) / len(grams)


def repeated_n(texts: Sequence[Sequence[Hashable]], n: int) -> float:
    """Mean share of a text's n-grams that occurred earlier in the same text; 0 if no text repeats itself.

    Texts with fewer than n tokens are left out.

    Args:
        texts: sequences of tokens.
        n: length of the n-grams, at least 1.

    Raises:
        LmbookError: no text has n tokens.

    Reference:
        Welleck et al. 2020, "Neural text generation with unlikelihood training", section 6.1 ("seq-rep-n").
    """
    long_enough = [text for text in texts if len(text) >= n]
    if not long_enough:
        raise LmbookError(f"No text has {n} tokens.", "Give longer texts, or a smaller n.")
    return sum(1 - distinct_n([text], n) for text in long_enough) / len(long_enough)
