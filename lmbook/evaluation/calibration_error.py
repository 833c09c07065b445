"""Calibration: whether a classifier's probabilities match how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class Bin:
    """The examples whose answers have a probability between two bounds.

    Attributes:
        confidence: mean probability of the answers.
        accuracy: share of the answers that are right.
        count: number of examples, at least 1.
    """

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class Calibration:
    """Measures of how well probabilities match the right classes.

    Attributes:
        bins: in ascending order of the answers' probability, without empty bins.
        error: expected calibration error: mean of |confidence - accuracy| over the bins, each weighted with its count.
        brier: mean squared distance of the probabilities from 1 for the right class and 0 for the others, 0 … 2.
        nats: mean of -ln p(right class).
    """

    bins: tuple[Bin, ...]
    error: float
    brier: float
    nats: float


def calibration(probabilities: np.ndarray, classes: Sequence[int], bins: int = 10) -> Calibration:
    """Compare probabilities with the right classes.

    The answer is the likeliest class. The expected calibration error depends on the number of bins and is a little too
    high where examples are few, since every bin's accuracy varies by chance; the other two do not use bins.

    Args:
        probabilities: [N, C], each row with the sum 1.
        classes: the right ones, [N], 0 … C - 1.
        bins: of equal width, between 0 and 1.

    Raises:
        LmbookError: the numbers do not fit, or a row is no distribution.

    Reference:
        Guo et al. 2017, "On calibration of modern neural networks", equation 3; Brier 1950, "Verification of forecasts
        expressed in terms of probability".
    """
    p, right = np.asarray(probabilities, float), np.asarray(classes)
    if p.ndim != 2 or len(p) != len(right) or not len(p):
        raise LmbookError(
            f"Probabilities of shape {p.shape} do not fit {len(right)} classes.",
            "Give one row of probabilities for each example, and at least one.",
        )
    if right.min() < 0 or right.max() >= p.shape[1]:
        raise LmbookError(f"A class is {right.min()} or {right.max()}.", f"Number them 0 to {p.shape[1] - 1}.")
    wrong = np.flatnonzero((p < 0).any(axis=1) | ~(np.abs(p.sum(axis=1) - 1) < 1e-3))
    if len(wrong):
        raise LmbookError(
            f"Row {wrong[0]} is no distribution: its sum is {p[wrong[0]].sum():.4g}.", "Apply softmax to logits first."
        )
    if bins < 1:
        raise LmbookError(f"bins is {bins}.", "Take at least 1; 10 is usual.")
    confidence, hit = p.max(axis=1), p.argmax(axis=1) == right
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    found = tuple(
        Bin(float(confidence[inside].mean()), float(hit[inside].mean()), int(inside.sum()))
        for inside in (places == place for place in range(bins))
        if inside.any()
    )
    error = sum(one.count * abs(one.confidence - one.accuracy) for one in found) / len(p)
    brier = ((p - np.eye(p.shape[1])[right]) ** 2).sum(axis=1).mean()
    nats = -np.log(np.maximum(p[np.arange(len(p)), right], 1e-12)).mean()
    return Calibration(found, float(error), float(brier), float(nats))
