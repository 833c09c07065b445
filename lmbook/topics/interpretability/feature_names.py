"""Naming the numbers that a model computes by the facts with which they correlate best, tested on other texts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Named(NamedTuple):
    """A number and the fact with which it correlates.

    Attributes:
        correlation: of the two on the texts that were not used to choose the fact.
        name: of the fact.
    """

    correlation: float
    name: str


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlations of all columns of a [N, F] with all of b [N, C]: [F, C], 0 where a column is constant."""
    a, b = (np.asarray(x, "float32") - np.mean(x, axis=0, dtype="float32") for x in (a, b))
    scale = np.sqrt((a**2).sum(axis=0))[:, None] * np.sqrt((b**2).sum(axis=0))
    return np.divide(a.T @ b, scale, out=np.zeros(scale.shape, "float32"), where=scale > 1e-6)


def name_numbers(numbers: np.ndarray, facts: dict[str, np.ndarray]) -> list[Named]:
    """A name for each number that varies: the fact with which it correlates best on the first half of the positions.

    Args:
        numbers: [N, F].
        facts: name -> bool [N].

    Returns:
        for each column of `numbers` that changes on the first half its name, and their correlation on the second half.
    """
    names, held = list(facts), np.stack(list(facts.values()), axis=1)
    half = np.arange(len(held)) < len(held) // 2
    used = numbers[half].std(axis=0) > 1e-6
    choice = correlations(numbers[half][:, used], held[half]).argmax(axis=1)
    there = correlations(numbers[~half][:, used], held[~half])[np.arange(used.sum()), choice]
    return [Named(float(c), names[n]) for c, n in zip(there, choice, strict=True)]


def best_number(numbers: np.ndarray, fact: np.ndarray) -> float:
    """The correlation, on the second half of the positions, of the number that fits a fact best on the first half.

    Args:
        numbers: [N, F].
        fact: bool [N].
    """
    half = np.arange(len(fact)) < len(fact) // 2
    found = correlations(numbers[half], fact[half][:, None]).argmax()
    return float(correlations(numbers[~half][:, [found]], fact[~half][:, None])[0, 0])
