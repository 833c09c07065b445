from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.interpretability.probes import control_accuracies, control_labels, probe


def test_a_direction_is_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 8)) + 5.0
    labels = np.where(x[:, 3] > 5.0, "high", "low")
    found = probe(x[:400], labels[:400], x[400:], labels[400:])
    assert found.accuracy > 0.95 and 0.4 < found.majority < 0.6
    noise = rng.permutation(labels)
    assert probe(x[:400], noise[:400], x[400:], noise[400:]).accuracy < 0.65


def test_a_label_that_was_never_seen_counts_as_wrong():
    x = np.array([[0.0], [1.0], [0.0], [1.0]])
    assert probe(x, ["a", "b", "a", "b"], x, ["a", "b", "a", "c"]).accuracy == 0.75
    with pytest.raises(LmbookError, match="'a'"):
        probe(x, ["a"] * 4, x, ["a"] * 4)


def test_a_control_label_belongs_to_a_type_and_labels_are_as_frequent_as_before():
    rng = np.random.default_rng(0)
    types = rng.integers(0, 500, 4000).tolist()
    labels = rng.choice(["x", "y"], 4000, p=[0.8, 0.2])
    control = control_labels(types, labels, seed=1)
    for kind in (0, 1, 2):
        assert len(set(control[np.array(types) == kind])) == 1
    assert (control == "x").mean() == pytest.approx(0.8, abs=0.06)
    np.testing.assert_array_equal(control, control_labels(types, labels, seed=1))
    assert np.any(control != control_labels(types, labels, seed=2))


def test_what_is_learned_by_heart_is_known_of_types_that_were_seen():
    rng = np.random.default_rng(0)
    types, labels = rng.integers(0, 30, 600), rng.choice(["x", "y"], 600)
    x = np.eye(30)[types]  # the type can be read off
    train, test = slice(0, 400), slice(400, 600)
    groups = [column[part] for part in (train, test) for column in (x, types, labels)]
    assert min(control_accuracies(*groups, seeds=[1, 2, 3])) > 0.97
    blind = [np.zeros((len(group), 1)) if number % 3 == 0 else group for number, group in enumerate(groups)]
    assert max(control_accuracies(*blind, seeds=[1, 2, 3])) < 0.9
