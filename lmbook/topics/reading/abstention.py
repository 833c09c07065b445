"""Saying "I don't know": what is gained and lost when a model may leave questions unanswered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class RiskCoverage:
    """The share of mistakes as fewer and fewer questions are answered, leaving out the least certain ones first.

    Attributes:
        coverage: share of the questions that are answered, rising to 1; [K].
        risk: of those that are answered, the share that is wrong; [K].
        area: mean risk over all coverages: 0 is best, the risk of answering everything is what luck gives.
    """

    coverage: np.ndarray
    risk: np.ndarray
    area: float


def risk_coverage(confidence: Sequence[float], credit: Sequence[float]) -> RiskCoverage:
    """The curve of a model's answers.

    Args:
        confidence: how certain the model is of each answer; only the order matters.
        credit: what each answer is worth, 0 … 1; an answer to a question that has none is worth 0.

    Raises:
        LmbookError: there is no answer, not as many of both, or a confidence is not a number.

    Reference:
        El-Yaniv and Wiener 2010, "On the foundations of noise-free selective classification"; the area: Geifman et al.
        2019, "Bias-reduced uncertainty estimation for deep neural classifiers".
    """
    confidence, credit = _checked(confidence, credit)
    order = np.argsort(-confidence, kind="stable")
    confidence, credit = confidence[order], credit[order]
    last = np.append(np.flatnonzero(np.diff(confidence)), len(confidence) - 1)  # equal ones are answered together
    answered = last + 1
    risk = 1 - np.cumsum(credit)[last] / answered
    coverage = answered / len(confidence)
    return RiskCoverage(coverage, risk, float(np.sum(risk * np.diff(coverage, prepend=0))))


@dataclass(frozen=True)
class AbstentionScore:
    """The results of one threshold.

    Attributes:
        total: mean worth of all decisions: an answer's credit, 1 for silence where there is no answer, else 0.
        coverage: share of all questions that were answered.
        risk: of those, the share that is wrong; 0 if none was.
        refused: share of the answerable questions that were not answered; 0 if there is none.
        fooled: share of the unanswerable questions that were answered all the same; 0 if there is none.
    """

    total: float
    coverage: float
    risk: float
    refused: float
    fooled: float


def score_abstention(
    confidence: Sequence[float], credit: Sequence[float], answerable: Sequence[bool], threshold: float
) -> AbstentionScore:
    """Score answering only where the confidence is at least `threshold`; arguments as of `risk_coverage`.

    Raises:
        LmbookError: there is no answer, not as many of all, or a confidence is not a number.

    Reference:
        Rajpurkar et al. 2018, "Know what you don't know: unanswerable questions for SQuAD", section 5.
    """
    confidence, credit, answerable = _checked(confidence, credit, answerable)
    answerable = answerable.astype(bool)
    answered = confidence >= threshold
    worth = np.where(answered, credit, ~answerable)

    def share(values):
        return float(values.mean()) if len(values) else 0.0

    return AbstentionScore(
        float(worth.mean()),
        float(answered.mean()),
        share(1 - credit[answered]),
        share(~answered[answerable]),
        share(answered[~answerable]),
    )


def best_threshold(confidence: Sequence[float], credit: Sequence[float], answerable: Sequence[bool]) -> float:
    """The threshold with the highest `total`, half-way between two confidences; of equal ones the lowest.

    Choose it on questions that neither the model was trained on nor the result is measured on.

    Raises:
        LmbookError: see `score_abstention`.
    """
    confidence, credit, answerable = _checked(confidence, credit, answerable)
    levels = np.unique(confidence)
    between = [levels[0] - 1, *((levels[:-1] + levels[1:]) / 2), levels[-1] + 1]
    order = np.argsort(confidence, kind="stable")
    silent = np.append(0, np.cumsum(1 - answerable[order].astype(float)))  # worth of silence on the first k questions
    spoken = credit.sum() - np.append(0, np.cumsum(credit[order]))
    total = (silent + spoken)[np.searchsorted(confidence[order], between)]
    return float(between[int(np.argmax(total.round(9)))])


def _checked(*columns: Sequence[float]) -> list[np.ndarray]:
    arrays = [np.asarray(column, float) for column in columns]
    sizes = [len(array) for array in arrays]
    if len(set(sizes)) > 1 or not sizes[0]:
        raise LmbookError(
            f"The columns have {sizes} entries.", "Give one of each for every question, and at least one."
        )
    if np.isnan(arrays[0]).any():
        raise LmbookError("A confidence is not a number.", "Look for a loss that was not a number in training.")
    return arrays
