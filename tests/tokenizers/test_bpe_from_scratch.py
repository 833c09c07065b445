import inspect
from pathlib import Path

import pytest

from lmbook.errors import LmbookError
from lmbook.tokenizers import bpe_from_scratch
from lmbook.tokenizers.bpe_from_scratch import merge, train_merges
from lmbook.tokenizers.byte_pair import BytePairTokenizer

TEXTS = {
    "english": "It isn't the thing that they'd thought, is it?\n\n  12 trees; 123 bees… aaaa aaa aa\n" * 2,
    "chinese": "小明在树下，小红在家里。小明说：“你好！”",
}


@pytest.mark.parametrize("name", TEXTS)
def test_same_merges_as_the_library(name):
    assert train_merges([TEXTS[name]], 10_000) == BytePairTokenizer.train([TEXTS[name]]).merges


def test_same_merges_as_the_library_on_real_text(mirror):
    path = Path(mirror) / "tiny_shakespeare" / "input.txt"
    if not path.is_file():
        pytest.skip("tiny_shakespeare is not in the mirror, or the mirror is no folder")
    text = path.read_text(encoding="utf-8")[:60_000]
    assert train_merges([text], 250) == BytePairTokenizer.train([text], 259 + 250).merges


def test_one_string_is_not_taken_for_a_list_of_texts():
    with pytest.raises(LmbookError, match="one string"):
        train_merges("a string", 10)


def test_merging_goes_from_left_to_right():
    word = list("aaabaa")
    merge(word, ("a", "a"))
    assert word == ["aa", "a", "b", "aa"]


def test_it_is_short_enough_to_be_read():
    assert len(inspect.getsource(bpe_from_scratch).splitlines()) <= 60
