import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.privacy.tagged_words import TaggedWords, word_row

IDS = SpecialIds(first_id=2, end_id=3)
ROWS = [word_row([[10 + i] * (i % 3 + 1), [20]], [True, False], IDS) for i in range(7)]
TAGS = [[i, 9] for i in range(7)]


def test_every_word_comes_once_an_epoch_with_its_tag_at_its_first_piece():
    data, seen = TaggedWords(ROWS, TAGS, IDS, tokens_per_batch=16, seed=3), []
    for (ids, segments), y, w in data.dataset():
        ids, segments, y, w = (part.numpy() for part in (ids, segments, y, w))
        assert ids.shape == y.shape == w.shape == (2, 8)
        seen += list(zip(ids[w > 0], y[w > 0], segments[w > 0], strict=True))
    assert sorted(seen) == sorted([(10 + i, i, 1) for i in range(7)] + [(20, 9, 0)] * 7)


def test_a_run_goes_on_where_it_stopped():
    data = TaggedWords(ROWS, TAGS, IDS, tokens_per_batch=16, seed=3)
    whole = [x.numpy() for (x, _), _, _ in data.dataset(0, 6)]
    np.testing.assert_array_equal([x.numpy() for (x, _), _, _ in data.dataset(4, 2)], whole[4:])


def test_a_tag_for_each_word():
    with pytest.raises(LmbookError, match="7 texts"):
        TaggedWords(ROWS, [[0]] * 7, IDS, tokens_per_batch=16)
