"""Accuracy, precision, recall and F1 of a classifier's answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from sklearn.metrics import precision_recall_fscore_support

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class against all others, or their mean over the classes.

    Attributes:
        precision: the share of right answers among those that name the class; 0 if there are none.
        recall: the share of the examples of the class that were recognised; 0 if there are none.
        f1: harmonic mean of precision and recall; 0 if both are 0.
        examples: number of examples of the class; in a mean, of all classes.
    """

    precision: float
    recall: float
    f1: float
    examples: int


@dataclass(frozen=True)
class ClassificationScore:
    """Scores of a classifier.

    Attributes:
        accuracy: share of right answers.
        low, high: 95 % interval of the accuracy, from `wilson_interval`.
        macro: mean over the classes, each with the same weight however rare it is.
        classes: label → score, for every label that occurs among the right ones or the answers, in ascending order.
    """

    accuracy: float
    low: float
    high: float
    macro: ClassScore
    classes: dict[str, ClassScore]


def classification_score(right: Sequence[str], answered: Sequence[str]) -> ClassificationScore:
    """Compare answers with the right labels, one of each per example.

    Raises:
        LmbookError: there is no example, or there are not as many answers as labels.
    """
    if len(right) != len(answered):
        raise LmbookError(f"There are {len(right)} labels and {len(answered)} answers.", "Give one answer per example.")
    hits = sum(a == b for a, b in zip(right, answered, strict=True))
    low, high = wilson_interval(hits, len(right))
    labels = sorted({*right, *answered})
    columns = precision_recall_fscore_support(right, answered, labels=labels, average=None, zero_division=0)
    classes = {
        label: ClassScore(float(precision), float(recall), float(f1), int(examples))
        for label, precision, recall, f1, examples in zip(labels, *columns, strict=True)
    }
    means = [sum(getattr(score, name) for score in classes.values()) / len(classes) for name in _MEANS]
    return ClassificationScore(hits / len(right), low, high, ClassScore(*means, len(right)), classes)


_MEANS = ("precision", "recall", "f1")


def wilson_interval(hits: float, examples: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share.

    It stays within 0 … 1 and is accurate for few examples and for shares near 0 and 1, where the usual
    p ± 1.96 · standard error is not. It says how much the share depends on which examples happen to be in the test set,
    not how much another training run would differ. `hits` need not be whole, as SciPy's own interval demands: in
    comparisons a tie counts one half.

    Args:
        hits: number of right answers, 0 to `examples`.
        examples: at least 1, independent of each other.
        confidence: in (0, 1).

    Raises:
        LmbookError: a value is out of its range.

    Reference:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not (examples >= 1 and 0 <= hits <= examples):
        raise LmbookError(f"{hits} of {examples} examples is no share.", "Give at least one example.")
    if not 0 < confidence < 1:
        raise LmbookError(f"confidence is {confidence}.", "It must be between 0 and 1; 0.95 is usual.")
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    share = hits / examples
    centre = (share + z2 / (2 * examples)) / (1 + z2 / examples)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / (4 * examples)) / examples) / (1 + z2 / examples)
    return max(0.0, centre - half), min(1.0, centre + half)
