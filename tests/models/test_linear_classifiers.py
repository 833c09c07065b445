from __future__ import annotations

import numpy as np
import pytest

from lmbook.models.linear_classifiers import PENALTIES, bag_of_words, linear, with_best_penalty

TEXTS = ["a good film", "good and good", "what a bad film", "bad bad film", "not bad at all", "not good at all"]
CLASSES = ["yes", "yes", "no", "no", "yes", "no"]


def test_pairs_of_words_tell_what_single_words_do_not():
    model = bag_of_words(100.0).fit(TEXTS, CLASSES)
    assert model.predict(TEXTS).tolist() == CLASSES
    assert model.classes_.tolist() == ["no", "yes"]  # probabilities come in this order
    np.testing.assert_allclose(model.predict_proba(TEXTS).sum(axis=1), 1.0)


def test_vectors_are_scaled():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = (x[:, 0] > 0).astype(int)
    scaled = x * [1e-3, 1.0, 1e3] + 5.0
    np.testing.assert_allclose(
        linear(1.0).fit(scaled, y).predict_proba(scaled), linear(1.0).fit(x, y).predict_proba(x), atol=1e-4
    )
    constant = np.column_stack([x, np.ones(60)])
    assert linear(1.0).fit(constant, y).score(constant, y) > 0.9


@pytest.mark.parametrize("best", PENALTIES)
def test_the_penalty_is_chosen_on_validation_and_the_smallest_of_equal_ones(best):
    class Fake:
        def __init__(self, C):
            self.C = C

        def fit(self, texts, classes):
            assert (texts, classes) == (TEXTS, CLASSES)
            return self

        def score(self, texts, classes):
            assert (texts, classes) == (["held out"], ["yes"])
            return float(self.C >= best)

    assert with_best_penalty(Fake, TEXTS, CLASSES, ["held out"], ["yes"]).C == best
