"""Linear probes: whether a fact can be read off a model's vectors, and whether random labels could be as well."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from lmbook.errors import LmbookError


class Probed(NamedTuple):
    """A probe's results on vectors that it was not trained on.

    Attributes:
        accuracy: share of right labels.
        majority: share of the most frequent label: what can be had without looking.
    """

    accuracy: float
    majority: float


def probe(
    train: np.ndarray,
    train_labels: Sequence[Hashable],
    test: np.ndarray,
    test_labels: Sequence[Hashable],
    *,
    penalty: float = 1.0,
) -> Probed:
    """Train logistic regression on vectors and score it on others.

    Args:
        train: [N, D]; each entry is scaled to mean 0 and standard deviation 1 over these.
        train_labels: N labels.
        test: [M, D].
        test_labels: M labels.
        penalty: of large weights (L2); larger for a simpler probe.

    Raises:
        LmbookError: there is only one label.

    Reference:
        Alain and Bengio 2017, "Understanding intermediate layers using linear classifier probes".
    """
    names, right = np.unique(np.asarray(train_labels), return_inverse=True)
    if len(names) < 2:
        raise LmbookError(f"All labels are {names.tolist()}.", "Give vectors of at least two kinds.")
    mean, spread = train.mean(axis=0), train.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0 / penalty, max_iter=300).fit((train - mean) / spread, right)
    found, asked = names[model.predict((test - mean) / spread)], np.asarray(test_labels)
    return Probed(float((found == asked).mean()), float((names[np.bincount(right).argmax()] == asked).mean()))


def control_labels(types: Sequence[Hashable], labels: Sequence[Hashable], seed: int) -> np.ndarray:
    """Random labels for a control task: one for each type, drawn as often as the labels occur.

    What a probe can do on them it has learned by heart, since nothing in the world goes with them.

    Args:
        types: of N positions, such as the word there.
        labels: the N true labels.
        seed: of the draw.

    Returns:
        N labels; equal types have equal ones.

    Reference:
        Hewitt and Liang 2019, "Designing and interpreting probes with control tasks", section 2.
    """
    pool, rng = np.asarray(labels), np.random.default_rng(seed)
    drawn = {kind: pool[rng.integers(len(pool))] for kind in sorted(set(types))}
    return np.array([drawn[kind] for kind in types])


def control_accuracies(
    train: np.ndarray,
    train_types: Sequence[Hashable],
    train_labels: Sequence[Hashable],
    test: np.ndarray,
    test_types: Sequence[Hashable],
    test_labels: Sequence[Hashable],
    seeds: Sequence[int],
) -> list[float]:
    """The accuracy of the same probe on `control_labels`, drawn for training and test together, for each seed."""
    types, labels = [*train_types, *test_types], np.concatenate([train_labels, test_labels])
    found = []
    for seed in seeds:
        drawn = control_labels(types, labels, seed)
        found.append(probe(train, drawn[: len(train)], test, drawn[len(train) :]).accuracy)
    return found
