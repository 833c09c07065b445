import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.preferences.rollouts import roll_out

WORDS = WordTokenizer.train(["a b c d ."])
WIDTH = 10


@pytest.fixture(scope="module")
def told():
    keras.utils.set_random_seed(0)
    config = GPTConfig(WORDS.vocabulary_size, hidden_dim=8, intermediate_dim=8, num_heads=2, num_layers=1)
    return roll_out(GPT(config), WORDS, [WORDS.encode("a b"), WORDS.encode("c")] * 10, width=WIDTH)


def test_what_was_written_is_marked_and_openings_are_not(told):
    assert told.ids.shape == (20, WIDTH + 1) and told.written.shape == (20, WIDTH)
    closed = 0
    for row, text in enumerate(told.texts):
        opening = 2 - row % 2
        written = np.flatnonzero(told.written[row])
        assert written[0] == opening and (np.diff(written) == 1).all()
        labels = told.ids[row, 1:]
        ends = labels[written[-1]] == WORDS.end_id
        closed += ends
        assert text == WORDS.decode(labels[: written[-1] + (not ends)])
        assert (labels[written[-1] + 1 :] == 0).all()
    assert closed > 0
    assert len(set(told.texts[::2])) > 1  # equal openings, different continuations


def test_rows_can_be_taken(told):
    some = told[np.array([3, 1])]
    assert some.texts == [told.texts[3], told.texts[1]]
    np.testing.assert_array_equal(some.ids, told.ids[[3, 1]])


def test_an_opening_that_fills_the_row_is_refused(told):
    with pytest.raises(LmbookError, match="room"):
        roll_out(None, WORDS, [WORDS.encode("a b c d")], width=5)
