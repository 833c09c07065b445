import pytest

from lmbook.recipes import lstm as baseline
from lmbook.recipes.lstm import Profile, greentree_lstm

TINY = Profile(stories=200, max_sentences=3, steps=3, context=16)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """(what two calls with the same folder give, the documents that each read in training)."""
    streams, real = [], baseline.CausalWindows

    def spy(documents, tokenizer, **kwargs):
        streams.append({tuple(document) for document in documents})
        return real(documents, tokenizer, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baseline, "QUICK", TINY)
        patch.setattr(baseline, "CausalWindows", spy)
        folder = tmp_path_factory.mktemp("models")
        return [greentree_lstm(False, models=folder, quiet=True) for _ in range(2)], streams


def test_a_trained_baseline_is_loaded_and_not_trained_again(twice, assert_loaded_and_not_trained_again):
    assert_loaded_and_not_trained_again(*twice[0])


def test_test_stories_are_not_in_the_training_text(twice):
    (made, _), streams = twice
    held_back = {tuple(made.tokenizer.encode(story.english)) for story in made.test + made.validation}
    assert held_back and not held_back & streams[0]
