from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.n_gram import KneserNey
from lmbook.models.n_gram_counts import count_n_grams
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.speech.ctc import (
    greedy,
    log_probability,
    n_gram_scores,
    prefix_beam_search,
    rescored,
    text_of_path,
)

IDS = SpecialIds()


def moments(T=5, V=4, seed=0):
    logits = np.random.default_rng(seed).normal(0, 1.5, (T, V))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def all_texts(log_p):
    """Every text with its probability, by going through every path."""
    found = defaultdict(float)
    for path in itertools.product(range(log_p.shape[1]), repeat=len(log_p)):
        found[tuple(text_of_path(path, IDS))] += np.exp(sum(log_p[t, id] for t, id in enumerate(path)))
    return found


@pytest.fixture(scope="module")
def language():
    return n_gram_scores(KneserNey(count_n_grams([[3, 1], [3, 3, 1], [1, 3], [3]], IDS, 3, 4)))


@pytest.mark.parametrize(
    ("path", "text"),
    [([0, 0], []), ([1, 1, 0, 1, 2, 2, 0], [1, 1, 2]), ([3], [3]), ([1, 2, 1], [1, 2, 1]), ([], [])],
)
def test_repetitions_are_merged_before_blanks_are_removed(path, text):
    assert text_of_path(path, IDS) == text


@pytest.mark.parametrize("seed", range(3))
def test_the_probability_of_a_text_is_the_sum_of_its_paths(seed):
    log_p = moments(seed=seed)
    texts = all_texts(log_p)
    assert sum(texts.values()) == pytest.approx(1)
    for text, p in texts.items():
        assert log_probability(log_p, text, IDS) == pytest.approx(np.log(p))
    assert log_probability(log_p, (1, 1, 1, 1), IDS) == -np.inf  # three blanks are needed between: 7 positions


@pytest.mark.parametrize("seed", range(3))
def test_with_room_for_all_the_search_finds_every_text(seed):
    log_p = moments(seed=seed)
    texts = all_texts(log_p)
    found = prefix_beam_search(log_p, IDS, beams=10_000)
    assert {one.ids for one in found} == set(texts)
    for one in found:
        assert one.acoustic == pytest.approx(np.log(texts[one.ids])) and one.language == 0
    assert [one.acoustic for one in found] == sorted((one.acoustic for one in found), reverse=True)


def test_the_likeliest_path_is_not_always_the_likeliest_text():
    log_p = np.log([[0.6, 0.4], [0.6, 0.4]])  # both blank: 0.36; the text of one token: 0.64
    assert greedy(log_p, IDS) == []
    assert prefix_beam_search(log_p, IDS, beams=2)[0].ids == (1,)


@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_a_language_model_joins_in(language, weight):
    log_p, bonus = moments(seed=5), 0.3
    texts = all_texts(log_p)

    def spoken(ids):
        return sum(language(ids[:n])[id] for n, id in enumerate((*ids, 2)))

    scores = {ids: np.log(p) + weight * spoken(ids) + bonus * len(ids) for ids, p in texts.items()}
    options = {"language_model": language, "weight": weight, "bonus": bonus}
    found = prefix_beam_search(log_p, IDS, beams=10_000, **options)
    for one in found:
        assert one.language == pytest.approx(spoken(one.ids))
        assert one.score(weight, bonus) == pytest.approx(scores[one.ids])
    assert found[0].ids == max(scores, key=scores.get)
    # Rescoring what a search without it has found comes to the same, as long as everything was found.
    without = prefix_beam_search(log_p, IDS, beams=10_000, language_model=language)
    assert rescored(without, weight, bonus)[0].ids == found[0].ids


def test_few_beams_are_nearly_as_good():
    for seed in range(10):
        log_p = moments(T=6, seed=seed)
        best = prefix_beam_search(log_p, IDS, beams=1000)[0]
        narrow = prefix_beam_search(log_p, IDS, beams=8)[0]
        assert narrow.acoustic <= best.acoustic + 1e-9
        assert log_probability(log_p, narrow.ids, IDS) > best.acoustic - 0.3


@pytest.mark.parametrize(("log_p", "beams"), [(moments(), 0), (np.zeros((0, 4)), 3)])
def test_what_cannot_be_searched_is_refused(log_p, beams):
    with pytest.raises(LmbookError, match="beams="):
        prefix_beam_search(log_p, IDS, beams)
