import pytest

from lmbook.errors import LmbookError
from lmbook.models.word_dictionary import WordDictionary

# das haus, das buch, ein buch: the example of every course on Model 1.
DAS, HAUS, BUCH, EIN, THE, HOUSE, BOOK, A = range(3, 11)
PAIRS = [([DAS, HAUS], [THE, HOUSE]), ([DAS, BUCH], [THE, BOOK]), ([EIN, BUCH], [A, BOOK])]


def test_words_that_come_together_find_each_other():
    dictionary = WordDictionary(PAIRS, 12, rounds=10)
    assert dictionary.translations == {DAS: THE, HAUS: HOUSE, BUCH: BOOK, EIN: A}
    assert dictionary.translate([EIN, HAUS, 11]) == [A, HOUSE, 11]


def test_order_of_pairs_and_of_words_means_nothing():
    turned = [(source[::-1], target) for source, target in PAIRS[::-1]]
    assert WordDictionary(turned, 12, rounds=10).translations == WordDictionary(PAIRS, 12, rounds=10).translations


def test_what_has_no_counterpart_is_left_to_none():
    # Token 9 stands in every target, whatever the source says: none explains it best, and no word is translated so.
    pairs = [([3, 4], [7, 8, 9]), ([3], [7, 9]), ([4], [8, 9]), ([5], [6, 9]), ([5, 3], [6, 7, 9])]
    assert WordDictionary(pairs, 10, rounds=20).translations == {3: 7, 4: 8, 5: 6}


@pytest.mark.parametrize(("pairs", "message"), [([([], [3])], "no pairs"), ([([3], [12])], "not below 12")])
def test_what_cannot_be_used_is_named(pairs, message):
    with pytest.raises(LmbookError, match=message):
        WordDictionary(pairs, 12)
