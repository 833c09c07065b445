import pytest

from lmbook.corpora.weights import read_glove_50d
from lmbook.errors import LmbookError
from lmbook.evaluation.word_vectors import WordVectors
from lmbook.topics.bias.measures import weat
from lmbook.topics.bias.weat_word_lists import TESTS


def test_both_sides_are_as_long_and_share_no_word():
    for test in TESTS:
        for first, second in (test.targets, test.attributes):
            assert len(first) == len(second) and not set(first) & set(second)


def test_glove_has_the_published_associations():
    try:
        words, vectors = read_glove_50d()
    except LmbookError as error:
        pytest.skip(error.message)
    known = WordVectors(words[:100_000], vectors[:100_000])
    for test in TESTS:
        found = weat(known, test.targets, test.attributes)
        assert found.effect > 0.4 and found.p_value < 0.3
