from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest

from lmbook.corpora.catalogue import load_corpus
from lmbook.errors import LmbookError
from lmbook.topics.speech.word_error_rate import WordErrors, nearest_reading, reduction_interval, word_errors


def fewest(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Edit distance as it is defined: the best of every possible change at every place."""

    @cache
    def of(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return len(a) - i + len(b) - j
        return min(of(i + 1, j + 1) + (a[i] != b[j]), of(i + 1, j) + 1, of(i, j + 1) + 1)

    return of(0, 0)


def test_counts_by_hand():
    found = word_errors(["two three five nine", "one"], ["two tree five nine nine", ""])
    assert found == WordErrors(substitutions=1, deletions=1, insertions=1, hits=3)
    assert (found.words, found.errors, found.rate) == (5, 3, 0.6)


def test_errors_equal_brute_force():
    rng = random.Random(0)
    lines = [
        [tuple(rng.choices("abc", k=rng.randint(least, 6))) for _ in range(60)] for least in (1, 0)
    ]  # a hypothesis may be empty
    found = word_errors(*([" ".join(line) for line in part] for part in lines))
    assert found.errors == sum(fewest(*pair) for pair in zip(*lines, strict=True))
    assert found.words == sum(map(len, lines[0]))
    assert found.hits + found.substitutions + found.insertions == sum(map(len, lines[1]))


def test_words_are_not_changed_but_white_space_is():
    assert word_errors(["It's a  DOG,\tno"], [" It's a DOG, no\n"]).errors == 0
    assert word_errors(["It's a DOG"], ["its a dog"]).errors == 2


def test_rate_can_be_above_one():
    assert word_errors(["no"], ["no no no"]).rate == 2.0


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        (["a"], ["a", "b"], "1 references and 2"),
        ([], [], "0 references"),
        (["a", " "], ["a", "b"], "Reference 2"),
        ("ab", ["a", "b"], "references is one string"),
    ],
)
def test_what_cannot_be_scored_is_refused(references, hypotheses, message):
    with pytest.raises(LmbookError, match=message):
        word_errors(references, hypotheses)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "reading"),
    [
        ("in { @ / the } house", "in house", "in house"),
        ("in { @ / the } house", "in the house", "in the house"),
        ("{ a / b } { c d / e }", "b c d", "b c d"),
        ("{ a / b } x", "x", "a x"),  # both miss a word: the first
        ("plain words", "words", "plain words"),
    ],
)
def test_the_reading_with_the_fewest_errors_is_chosen(reference, hypothesis, reading):
    assert nearest_reading(reference, hypothesis) == reading


@pytest.mark.parametrize("reference", ["a { b / c", "a } b", "a { b / } c", "x " + "{ a / b } " * 20])
def test_a_broken_reference_is_refused(reference):
    with pytest.raises(LmbookError, match="broken choice|readings"):
        nearest_reading(reference, "a")


def test_nist_counts(mirror, monkeypatch, tmp_path):
    monkeypatch.setenv("LMBOOK_MIRROR", mirror)
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path))
    lines = load_corpus("asr_sctk_csrnab").split("test")
    hypotheses = [line["hypothesis"].lower() for line in lines]  # sclite compares without case
    pairs = zip(lines, hypotheses, strict=True)
    references = [nearest_reading(line["reference"].lower(), hypothesis) for line, hypothesis in pairs]
    found = word_errors(references, hypotheses)
    assert (found.errors, found.words, f"{found.rate:.4f}") == (169, 1406, "0.1202")


def test_the_interval_of_a_reduction():
    rng = np.random.default_rng(0)
    before = rng.poisson(0.5, 400)
    halved = rng.binomial(before, 0.5)
    reduction, low, high = reduction_interval(before, halved)
    assert reduction == 1 - halved.sum() / before.sum() and low < 0.5 < high and 0.08 < high - low < 0.3
    assert reduction_interval(before, before) == (0, 0, 0)
    assert reduction_interval(before, 2 * before)[0] == -1
    assert reduction_interval(before, halved) == (reduction, low, high)


@pytest.mark.parametrize(("before", "after"), [([0, 0], [1, 0]), ([1], [1, 2]), ([], [])])
def test_no_reduction_without_errors(before, after):
    with pytest.raises(LmbookError, match="have no reduction"):
        reduction_interval(before, after)
