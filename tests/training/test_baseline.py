import numpy as np

from lmbook.training import baseline
from lmbook.training.baseline import Profile, greentree_lstm

TINY = Profile(stories=200, max_sentences=3, steps=3, context=16)


def test_a_trained_baseline_is_loaded_and_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr(baseline, "QUICK", TINY)
    first = greentree_lstm(False, models=tmp_path, quiet=True)
    again = greentree_lstm(False, models=tmp_path, quiet=True)
    assert again.history.seconds == first.history.seconds  # the clock did not run
    for before, after in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_test_stories_are_not_in_the_training_text(monkeypatch):
    monkeypatch.setattr(baseline, "QUICK", TINY)
    streams = []
    real = baseline.CausalWindows

    def spy(documents, **kwargs):
        streams.append({tuple(document) for document in documents})
        return real(documents, **kwargs)

    monkeypatch.setattr(baseline, "CausalWindows", spy)
    made = greentree_lstm(False, quiet=True)
    held_back = {tuple(made.tokenizer.encode(story.english)) for story in made.test + made.validation}
    assert held_back and not held_back & streams[0]
