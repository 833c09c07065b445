import pytest

from lmbook.recipes.lstm import LSTMProfile, greentree_lstm

TINY = LSTMProfile("tiny", stories=200, max_sentences=3, steps=3, context=16)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """What two calls with the same folder give."""
    folder = tmp_path_factory.mktemp("models")
    return [greentree_lstm(TINY, models=folder, quiet=True) for _ in range(2)]


def test_a_trained_baseline_is_loaded_and_not_trained_again(twice, assert_loaded_and_not_trained_again):
    assert_loaded_and_not_trained_again(*twice)


def test_test_stories_are_not_in_the_training_text(twice):
    made, _ = twice
    held_back = {story.english for story in made.test + made.validation}
    assert made.train and held_back and not held_back & set(made.train)
