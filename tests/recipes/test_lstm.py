import pytest

from lmbook.recipes import lstm as baseline
from lmbook.recipes.lstm import Profile, greentree_lstm

TINY = Profile(stories=200, max_sentences=3, steps=3, context=16)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """(what two calls with the same folder give, the texts that each read in training)."""
    read, real = [], baseline.text_batches

    def spy(texts, tokenizer, **kwargs):
        read.append(set(texts))
        return real(texts, tokenizer, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baseline, "QUICK", TINY)
        patch.setattr(baseline, "text_batches", spy)
        folder = tmp_path_factory.mktemp("models")
        return [greentree_lstm(False, models=folder, quiet=True) for _ in range(2)], read


def test_a_trained_baseline_is_loaded_and_not_trained_again(twice, assert_loaded_and_not_trained_again):
    assert_loaded_and_not_trained_again(*twice[0])


def test_test_stories_are_not_in_the_training_text(twice):
    (made, _), read = twice
    held_back = {story.english for story in made.test + made.validation}
    assert held_back and read[0] and not held_back & read[0]
