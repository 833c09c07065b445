from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.pipelines.packing import pack
from lmbook.tokenizers.tokenizer import SpecialIds

CLS, SEP = 101, 102
IDS = SpecialIds(first_id=CLS, end_id=SEP)
TEXT = st.lists(st.integers(1, 99), max_size=12)


def test_rows_of_one_text_and_of_two():
    ids, segments = pack([[5, 6], [7]], IDS)
    np.testing.assert_array_equal(ids, [[CLS, 5, 6, SEP], [CLS, 7, SEP, 0]])
    assert not segments.any()
    ids, segments = pack([[5, 6], [7]], dataclasses.replace(IDS, pad_id=9), [[8], []], length=6)
    np.testing.assert_array_equal(ids, [[CLS, 5, 6, SEP, 8, SEP], [CLS, 7, SEP, SEP, 9, 9]])
    np.testing.assert_array_equal(segments, [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 0, 0]])


@settings(deadline=None, derandomize=True)
@given(first=TEXT, second=TEXT, length=st.integers(4, 30))
def test_what_is_too_long_loses_its_ends_the_longer_text_first(first, second, length):
    ids, segments = pack([first], IDS, [second], length=length)
    a, b = list(first), list(second)
    while len(a) + len(b) > length - 3:
        (a if len(a) > len(b) else b).pop()
    row = [CLS, *a, SEP, *b, SEP]
    assert ids[0].tolist() == row + [0] * (length - len(row))
    assert segments[0].tolist() == [0] * (len(a) + 2) + [1] * (len(b) + 1) + [0] * (length - len(row))


@settings(deadline=None, derandomize=True)
@given(texts=st.lists(TEXT, min_size=1), length=st.none() | st.integers(3, 15))
def test_a_single_text_is_cut_at_its_end(texts, length):
    ids, _ = pack(texts, IDS, length=length)
    for row, text in zip(ids, texts, strict=True):
        kept = text if length is None else text[: length - 2]
        assert row[row != 0].tolist() == [CLS, *kept, SEP]


def test_what_cannot_be_packed_is_named():
    with pytest.raises(LmbookError, match="2 first texts, but 1 second"):
        pack([[1], [2]], IDS, [[3]])
    with pytest.raises(LmbookError, match="length=3 has no room.*at least 4"):
        pack([[1]], IDS, [[2]], length=3)
