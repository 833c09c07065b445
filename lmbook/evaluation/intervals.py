"""How far a figure can be trusted: the spread of repeated runs, bootstrap intervals, and McNemar's test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError


def mean_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (N - 1 in the denominator) of N repeated runs; None in place of it for one."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


@dataclass(frozen=True)
class Interval:
    """A figure and its confidence interval.

    Attributes:
        value: the figure on the examples as they are.
        low, high: the ends of the interval.
    """

    value: float
    low: float
    high: float


def bootstrap(
    figure: Callable[..., float],
    *columns: Sequence,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Confidence interval of any figure by the percentile bootstrap (`scipy.stats.bootstrap`).

    The interval says how much the figure depends on which examples happen to be in the test set, not how much another
    training run would differ. The examples must be independent of each other: where several come from one document,
    make each document an example.

    Args:
        figure: function of the columns, arrays [N].
        columns: one value per example each, [N], of any type. Every resample takes the same examples from all columns,
            so the scores of two systems and the difference of their means give the paired bootstrap.
        confidence: of the interval, between 0 and 1.
        resamples: number of resamples, each of N examples drawn with replacement.
        seed: of the draws.

    Raises:
        LmbookError: there are fewer than two examples, columns have different lengths, or confidence is out of range.

    Reference:
        Efron 1979, "Bootstrap methods: another look at the jackknife"; Koehn 2004, "Statistical significance tests for
        machine translation evaluation".
    """
    from scipy import stats

    if not 0 < confidence < 1:
        raise LmbookError(f"confidence is {confidence}.", "It must be between 0 and 1; 0.95 is usual.")
    arrays = _columns(columns, least=2)

    def resampled(drawn: np.ndarray) -> float:
        return figure(*(array[drawn] for array in arrays))

    found = stats.bootstrap(
        (np.arange(len(arrays[0])),),  # the examples' numbers, so that columns may hold words too
        resampled,
        n_resamples=resamples,
        batch=64,  # memory for 64 resamples at a time
        vectorized=False,
        confidence_level=confidence,
        method="percentile",
        rng=seed,
    ).confidence_interval
    return Interval(float(figure(*arrays)), float(found.low), float(found.high))


def auc_interval(positive: Sequence[bool], scores: Sequence[float], seed: int = 0) -> Interval:
    """Area under the ROC curve with its bootstrap interval, from 500 resamples.

    The area is the probability that a positive example has a higher score than a negative one. It counts as 0.5 where
    all examples are of one kind.

    Args:
        positive: whether each of the N examples is positive, [N].
        scores: of the examples, [N].
        seed: of the bootstrap.

    Raises:
        LmbookError: there are fewer than two examples, or not one score for each.
    """
    from sklearn.metrics import roc_auc_score

    def area(positive, scores):
        return 0.5 if positive.all() or not positive.any() else roc_auc_score(positive, scores)

    return bootstrap(area, np.asarray(positive, bool), scores, resamples=500, seed=seed)


def mcnemar_test(first_right: Sequence[bool], second_right: Sequence[bool]) -> float:
    """Exact p-value of McNemar's test for two classifiers on the same examples.

    Only the examples on which one classifier is right and the other wrong count. If both were equally good, each of
    these would favour either one with probability 1/2.

    Args:
        first_right: whether the first classifier was right about each of the N examples, [N].
        second_right: whether the second one was, [N].

    Raises:
        LmbookError: there are no examples, or the numbers differ.

    Reference:
        McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages".
    """
    from scipy.stats import binomtest

    a, b = (column.astype(bool) for column in _columns((first_right, second_right), least=1))
    first_only, second_only = int((a & ~b).sum()), int((b & ~a).sum())
    if not first_only + second_only:
        return 1.0
    return float(binomtest(first_only, first_only + second_only).pvalue)


def _columns(columns: Sequence[Sequence], least: int) -> list[np.ndarray]:
    arrays = [np.asarray(column) for column in columns]
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) != 1 or lengths[0] < least:
        raise LmbookError(
            f"The columns have {' and '.join(map(str, lengths))} examples.",
            f"Give the same examples in all, at least {least}.",
        )
    return arrays
