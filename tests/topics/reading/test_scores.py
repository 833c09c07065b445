from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.reading.scores import (
    clustered_interval,
    exact_match,
    normalized_answer,
    score_answers,
    token_f1,
)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  U.S.A.", "usa"),
        ("an apple, a pear", "apple pear"),
        ("theatre in Athens", "theatre in athens"),  # "the", "a", "an" only as words
        ("twenty-one", "twentyone"),
        ("café “x”", "café “x”"),  # only ASCII punctuation goes
        ("the", ""),
    ],
)
def test_normalisation(text, normal):
    assert normalized_answer(text) == normal


def test_scores_by_hand():
    assert exact_match("The Broncos!", "broncos") == 1
    assert exact_match("Denver Broncos", "Broncos") == 0
    assert token_f1("Denver Broncos", "the Broncos") == pytest.approx(2 / 3)  # precision 1/2, recall 1
    assert token_f1("to be or be", "be be be") == pytest.approx(2 * 2 / 7)  # repeated words count as often as in both
    assert token_f1("Broncos", "Panthers") == 0
    assert token_f1("the", "a") == 1 and token_f1("the", "Broncos") == 0


def test_the_nearest_right_answer_counts():
    score = score_answers(["1 May 1900", "x"], [["1900", "May 1, 1900"], ["y"]])
    assert score.each_em.tolist() == [0, 0] and score.each_f1.tolist() == [1, 0]
    assert (score.em, score.f1) == (0, 0.5)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(LmbookError, match="1 answers to 2 questions"):
        score_answers(["x"], [["x"], ["y"]])
    with pytest.raises(LmbookError, match="Question 1 has no right answer"):
        score_answers(["x", "y"], [["x"], []])


def test_interval_is_wider_where_articles_agree_in_themselves():
    rng = np.random.default_rng(0)
    articles = np.repeat(np.arange(20), 10)
    alike = (rng.random(20) < 0.5).astype(float)[articles]
    low, high = clustered_interval(alike, articles)
    single_low, single_high = clustered_interval(alike, np.arange(200))
    assert low < alike.mean() < high
    assert high - low > 2 * (single_high - single_low)
    # Alone in its cluster, each value is drawn by itself: about 1.96 standard errors on each side.
    assert single_high - single_low == pytest.approx(2 * 1.96 * 0.5 / 200**0.5, rel=0.15)


def test_interval_does_not_depend_on_order_and_repeats_with_its_seed():
    values, articles = [0.0, 1.0, 1.0, 0.0], ["a", "a", "b", "b"]
    assert clustered_interval(values, articles, seed=3) == clustered_interval(values, articles, seed=3)
    assert clustered_interval([0.0, 1.0], ["a", "b"], draws=500) == (0, 1)
    with pytest.raises(LmbookError, match="only 1 cluster"):
        clustered_interval([0.0, 1.0], ["a", "a"])
    with pytest.raises(LmbookError, match="2 values and 1 clusters"):
        clustered_interval([0.0, 1.0], ["a"])
