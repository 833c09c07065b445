"""Word-by-word translation with a dictionary learned from pairs: the baseline of every translation model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmbook.errors import LmbookError


class WordDictionary:
    """For each source token the likeliest target token, by IBM's Model 1.

    Model 1 says: each token of a target comes from one token of its source, any one with the same chance, or from
    none. Which comes from which is not known. Expectation-maximisation finds both: how likely each source token becomes
    each target token shares every target token out among the tokens of its source, and these shares, counted over all
    pairs, say how likely it becomes it. Words that always come together claim each other more with every round.

    Args:
        pairs: (source ids, target ids).
        vocabulary_size: V, of both languages.
        rounds: of expectation-maximisation.

    Attributes:
        translations: source id -> target id; a source token that was never seen is missing.

    Raises:
        LmbookError: there is no pair, or an id is not in the vocabulary.

    Reference:
        Brown et al. 1993, "The mathematics of statistical machine translation", section 4.2.
    """

    def __init__(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], vocabulary_size: int, rounds: int = 5):
        kept = [(list(source), list(target)) for source, target in pairs if len(source) and len(target)]
        if not kept:
            raise LmbookError("There are no pairs to learn a dictionary from.", "Give some with two sides.")
        V, none = vocabulary_size, vocabulary_size  # "none" is one more source token, in every source
        if max(max(*s, *t) for s, t in kept) >= V:
            raise LmbookError(f"An id is not below {V}.", "Give the vocabulary of the tokenizer that made the ids.")
        # Every meeting of a source token and a target token of one pair, as one number; and which target token it is.
        meetings, places, first = [], [], 0
        for source, target in kept:
            source = np.array([*source, none])
            meetings.append((source[:, None] * V + np.array(target)).ravel())
            places.append(np.tile(np.arange(first, first + len(target)), len(source)))
            first += len(target)
        keys, which = np.unique(np.concatenate(meetings), return_inverse=True)
        places, sources = np.concatenate(places), keys // V
        likely = np.ones(len(keys))
        for _ in range(rounds):
            share = likely[which]
            share /= np.bincount(places, share, minlength=first)[places]
            counts = np.bincount(which, share, minlength=len(keys))
            likely = counts / np.bincount(sources, counts, minlength=V + 1)[sources]
        order = np.lexsort((likely, sources))  # the likeliest of each source token comes last
        last = np.flatnonzero(np.append(np.diff(sources[order]), 1))
        self.translations = {int(sources[k]): int(keys[k] % V) for k in order[last] if sources[k] != none}

    def translate(self, source: Sequence[int]) -> list[int]:
        """Each token by itself, in the order of the source; one that was never seen is left as it is."""
        return [self.translations.get(token, token) for token in source]
