"""What a difference of two figures is worth: the bootstrap, and tests for two systems on the same examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError


def mean_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard deviation of repeated runs [N], the latter as of a sample (N - 1); None for one run."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


@dataclass(frozen=True)
class Interval:
    """A figure, and what it might have been with other examples of the same kind.

    Attributes:
        value: of the examples as they are.
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
    """Interval of any figure by the percentile bootstrap: the examples are drawn anew, with replacement.

    It says how much the figure depends on which examples happen to be in the test set; not how much another training
    run would differ. The examples must not depend on each other: draw whole documents where they do.

    Args:
        figure: function of the columns, arrays [N].
        columns: one value an example each, [N]; the same examples are drawn from all. With the scores of two systems
            as two columns and their difference as figure this is the paired bootstrap.
        confidence: of the interval.
        resamples: how often to draw.
        seed: of the draws.

    Raises:
        LmbookError: there are no examples, columns have different lengths, or confidence is not between 0 and 1.

    Reference:
        Efron 1979, "Bootstrap methods: another look at the jackknife"; Koehn 2004, "Statistical significance tests for
        machine translation evaluation".
    """
    arrays = _columns(*columns)
    if not 0 < confidence < 1:
        raise LmbookError(f"confidence is {confidence}.", "It must be between 0 and 1; 0.95 is usual.")
    rng, n = np.random.default_rng(seed), len(arrays[0])
    draws = (rng.integers(0, n, n) for _ in range(resamples))
    values = [figure(*(array[drawn] for array in arrays)) for drawn in draws]
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(figure(*arrays)), float(low), float(high))


def auc_interval(positive: Sequence[bool], scores: Sequence[float], seed: int = 0) -> Interval:
    """The probability that a positive example has a higher score than a negative one, with its bootstrap interval.

    Args:
        positive: which of the N examples are.
        scores: theirs.
        seed: of the bootstrap, 500 resamples.
    """
    from sklearn.metrics import roc_auc_score

    def area(positive, scores):
        return 0.5 if positive.all() or not positive.any() else roc_auc_score(positive, scores)

    return bootstrap(area, np.asarray(positive, bool), scores, resamples=500, seed=seed)


def permutation_test(first: Sequence[float], second: Sequence[float], resamples: int = 10_000, seed: int = 0) -> float:
    """p-value of two systems' scores on the same examples: would chance alone give so large a mean difference?

    If the systems were alike, each example's two scores could as well be exchanged. So they are, each by the toss of a
    coin, again and again; the p-value is the share of draws (the real one counted in) with a mean difference at least
    as large, of either sign.

    Args:
        first, second: scores, [N] each, of the same examples.
        resamples: how often all coins are tossed.
        seed: of the coins.

    Raises:
        LmbookError: there are no examples, or the numbers differ.

    Reference:
        Noreen 1989, "Computer-intensive methods for testing hypotheses" (approximate randomization).
    """
    a, b = _columns(first, second)
    difference = a.astype(float) - b.astype(float)
    rng, found = np.random.default_rng(seed), abs(difference.sum())
    signs = (rng.integers(0, 2, len(difference)) * 2 - 1 for _ in range(resamples))
    as_large = sum(abs((sign * difference).sum()) >= found - 1e-9 for sign in signs)
    return (as_large + 1) / (resamples + 1)


def mcnemar_test(first_right: Sequence[bool], second_right: Sequence[bool]) -> float:
    """p-value of two classifiers on the same examples, exact.

    Only the examples count on which one is right and the other wrong. If the classifiers were equally good, each of
    these would go to either with probability 1/2.

    Raises:
        LmbookError: there are no examples, or the numbers differ.

    Reference:
        McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages".
    """
    from scipy.stats import binomtest

    a, b = (column.astype(bool) for column in _columns(first_right, second_right))
    first_only, second_only = int((a & ~b).sum()), int((b & ~a).sum())
    if not first_only + second_only:
        return 1.0
    return float(binomtest(first_only, first_only + second_only).pvalue)


def _columns(*columns: Sequence) -> list[np.ndarray]:
    arrays = [np.asarray(column) for column in columns]
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) != 1 or not lengths[0]:
        raise LmbookError(
            f"The columns have {' and '.join(map(str, lengths))} examples.",
            "Give the same examples in all, at least one.",
        )
    return arrays
