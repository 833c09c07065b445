"""Decoding a CTC model: the likeliest path, prefix beam search, and the use of a language model.

A path names a token or the blank at every position. Its text is what is left when first repetitions are merged and
then blanks are removed: `a a _ a b b` is "a a b". The probability of a text is the sum over all of its paths. The
blank is the tokenizer's `pad_id`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError
from lmbook.models.n_gram import NGramModel
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer

UNLIKELY = -8.0  # ln p of a token at a position below which it begins no new text

LanguageModel = Callable[[tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Hypothesis:
    """A candidate text and its scores.

    Attributes:
        ids: its tokens.
        acoustic: ln p of the text given the sound, the paths summed up that the search has kept.
        language: ln p of the text, its end included, by the language model; 0 without one.
    """

    ids: tuple[int, ...]
    acoustic: float
    language: float = 0.0

    def score(self, weight: float, bonus: float) -> float:
        """acoustic + weight · language + bonus · number of tokens."""
        return self.acoustic + weight * self.language + bonus * len(self.ids)


def text_of_path(path: Sequence[int], tokenizer: Tokenizer | SpecialIds) -> list[int]:
    """Repetitions merged, then blanks removed."""
    blank = tokenizer.pad_id
    return [int(id) for before, id in zip([blank, *path], path, strict=False) if id not in (blank, before)]


def greedy(log_probabilities: np.ndarray, tokenizer: Tokenizer | SpecialIds) -> list[int]:
    """The text of the likeliest path: ln p [T, V] -> ids. Not always the likeliest text, which may have many paths."""
    return text_of_path(log_probabilities.argmax(axis=1), tokenizer)


def log_probability(log_probabilities: np.ndarray, ids: Sequence[int], tokenizer: Tokenizer | SpecialIds) -> float:
    """ln p of a text: the sum over all of its paths, by the forward algorithm; -inf where it has none.

    Args:
        log_probabilities: ln p [T, V].
        ids: its tokens.
        tokenizer: its `pad_id` is the blank.

    Reference:
        Graves et al. 2006, "Connectionist temporal classification", section 4.1.
    """
    states = np.full(2 * len(ids) + 1, tokenizer.pad_id)  # blank a blank b blank
    states[1::2] = ids
    skips = np.zeros(len(states), bool)  # from a token straight to the next one, if it is another
    skips[3::2] = states[3::2] != states[1:-2:2]
    alpha = np.full(len(states), -np.inf)  # ln p of all beginnings of paths that are in a state
    alpha[:2] = log_probabilities[0, states[:2]]
    for row in log_probabilities[1:]:
        one, two = np.full((2, len(states)), -np.inf)
        one[1:], two[2:] = alpha[:-1], np.where(skips[2:], alpha[:-2], -np.inf)
        alpha = np.logaddexp(np.logaddexp(alpha, one), two) + row[states]
    return float(np.logaddexp.reduce(alpha[-2:]))


def prefix_beam_search(
    log_probabilities: np.ndarray,
    tokenizer: Tokenizer | SpecialIds,
    beams: int = 16,
    *,
    language_model: LanguageModel | None = None,
    weight: float = 0.0,
    bonus: float = 0.0,
) -> list[Hypothesis]:
    """The likeliest texts, best first: at each position the `beams` best beginnings of texts are kept.

    A beginning keeps two sums: of its paths that end in a blank, and of those that end in its last token. Only after a
    blank can the same token be spoken again.

    Args:
        log_probabilities: ln p [T, V].
        tokenizer: its `pad_id` is the blank; by its `end_id` the language model says that a text is over.
        beams: beginnings kept, and the most texts returned.
        language_model: the tokens before -> ln p [V] of the next one; `n_gram_scores` makes one.
        weight: of the language model during the search ("shallow fusion"); 0: it only scores what was found.
        bonus: for each token, against a language model's liking for short texts.

    Raises:
        LmbookError: there is no position, or fewer than 1 beam.

    Reference:
        Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition using bi-directional recurrent
        DNNs", algorithm 1.
    """
    if beams < 1 or not len(log_probabilities):
        raise LmbookError(
            f"beams={beams} for {len(log_probabilities)} positions.", "Give a sound, and at least 1 beam."
        )
    blank_id = tokenizer.pad_id
    kept: dict[tuple[int, ...], tuple[float, float, float]] = {(): (0.0, -math.inf, 0.0)}
    for row in log_probabilities:
        found: dict[tuple[int, ...], list[float]] = {}  # blank, token, language

        def add(ids, ends_in_token, log_p, language, found=found):
            sums = found.setdefault(ids, [-math.inf, -math.inf, language])
            sums[ends_in_token] = _add(sums[ends_in_token], log_p)

        likely = [int(id) for id in np.flatnonzero(row > UNLIKELY) if id != blank_id]
        for ids, (blank, token, language) in kept.items():
            both = _add(blank, token)
            add(ids, 0, both + row[blank_id], language)
            if ids:
                add(ids, 1, token + row[ids[-1]], language)
            for id in likely:
                before = blank if ids and id == ids[-1] else both
                if before > -math.inf:
                    said = language + (language_model(ids)[id] if language_model else 0.0)
                    add((*ids, id), 1, before + row[id], said)
        ranked = sorted(found, key=lambda ids: -_rank(ids, found[ids], weight, bonus))  # noqa: B023
        kept = {ids: tuple(found[ids]) for ids in ranked[:beams]}
    ends = {ids: language_model(ids)[tokenizer.end_id] if language_model else 0.0 for ids in kept}
    results = [Hypothesis(ids, _add(*sums[:2]), float(sums[2] + ends[ids])) for ids, sums in kept.items()]
    return rescored(results, weight, bonus)


def rescored(hypotheses: Sequence[Hypothesis], weight: float, bonus: float) -> list[Hypothesis]:
    """The same texts in the order of `Hypothesis.score`, best first."""
    return sorted(hypotheses, key=lambda one: -one.score(weight, bonus))


def n_gram_scores(model: NGramModel) -> LanguageModel:
    """An n-gram model in the form that `prefix_beam_search` uses, with its answers cached."""

    @functools.lru_cache(maxsize=100_000)
    def scores(ids: tuple[int, ...]) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(model.distribution([model.counts.end_id, *ids]))

    return scores


def _rank(ids, sums, weight, bonus) -> float:
    return _add(sums[0], sums[1]) + weight * sums[2] + bonus * len(ids)


def _add(a: float, b: float) -> float:
    """ln(e^a + e^b)."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
