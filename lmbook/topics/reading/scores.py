"""Scoring answers by SQuAD's rules, with an interval that takes into account which article they are from."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError
from lmbook.evaluation.intervals import bootstrap

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized_answer(text: str) -> str:
    """Small letters, without ASCII punctuation, without the words a, an, the; single spaces.

    Reference:
        Rajpurkar et al. 2016, "SQuAD: 100,000+ questions for machine comprehension of text", section 6.1; the order of
        the steps is that of SQuAD's evaluate-v1.1.py.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, right: str) -> float:
    """1 if the two are the same once normalised, else 0."""
    return float(normalized_answer(answer) == normalized_answer(right))


def token_f1(answer: str, right: str) -> float:
    """Harmonic mean of precision and recall of the words, in any order; where one has none: whether both have none."""
    words, wanted = normalized_answer(answer).split(), normalized_answer(right).split()
    if not words or not wanted:
        return float(words == wanted)
    common = sum((Counter(words) & Counter(wanted)).values())
    return 2 * common / (len(words) + len(wanted))


@dataclass(frozen=True)
class AnswerScore:
    """Scores of answers, 0 … 1, each compared with the nearest of its right answers.

    Attributes:
        em: share of exact matches.
        f1: mean F1 of the words.
        each_em, each_f1: of each answer [N].
    """

    em: float
    f1: float
    each_em: np.ndarray
    each_f1: np.ndarray


def score_answers(answers: Sequence[str], right: Sequence[Sequence[str]]) -> AnswerScore:
    """Compare answers with the right ones, of which each question has at least one.

    Raises:
        LmbookError: there is no answer, not one for each question, or a question has no right one.
    """
    if len(answers) != len(right) or not answers:
        raise LmbookError(f"There are {len(answers)} answers to {len(right)} questions.", "Give one for each.")
    without = next((number for number, possible in enumerate(right) if not possible), None)
    if without is not None:
        raise LmbookError(f"Question {without} has no right answer.", "Leave out those that nobody can answer.")
    pairs = list(zip(answers, right, strict=True))
    em, f1 = (
        np.array([max(measure(answer, one) for one in possible) for answer, possible in pairs])
        for measure in (exact_match, token_f1)
    )
    return AnswerScore(float(em.mean()), float(f1.mean()), em, f1)


def clustered_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the mean of `values`, by the bootstrap over whole clusters.

    Questions about the same article are alike: one hard article makes all of its questions hard. So whole articles are
    drawn anew, with replacement, not questions; the interval is wider, and rightly so. It says how far these articles
    speak for others, not how much another training run would differ.

    Args:
        values: one for each question.
        clusters: the article (or whatever belongs together) of each.
        confidence: in (0, 1).
        draws: how often the clusters are drawn anew.
        seed: of the draws.

    Returns:
        (low, high), the percentiles of the means of all draws.

    Raises:
        LmbookError: there are fewer than two clusters, or not one for each value.

    Reference:
        Efron and Tibshirani 1993, "An introduction to the bootstrap", chapters 8 and 13.
    """
    if len(values) != len(clusters):
        raise LmbookError(f"There are {len(values)} values and {len(clusters)} clusters.", "Name one for each value.")
    members: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        members.setdefault(cluster, []).append(value)
    if len(members) < 2:
        raise LmbookError(f"There is only {len(members)} cluster.", "Give values of at least two.")
    sums, sizes = (np.array([part(group) for group in members.values()], float) for part in (sum, len))
    found = bootstrap(
        lambda sums, sizes: sums.sum() / sizes.sum(), sums, sizes, confidence=confidence, resamples=draws, seed=seed
    )
    return found.low, found.high
