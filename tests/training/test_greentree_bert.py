from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmbook.training import greentree_bert as module
from lmbook.training.greentree_bert import greentree_bert

TINY = replace(
    module.QUICK, words=3, stories=200, max_sentences=3, context=48, batch_size=8, steps=3, hidden_dim=8, num_layers=1
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(module, "QUICK", TINY)
    monkeypatch.setattr(module.BertMaskedLM, "jit_compile_training", False, raising=False)  # compiling takes longest


def test_a_trained_bert_is_loaded_and_not_trained_again(tmp_path):
    first = greentree_bert(False, models=tmp_path, quiet=True)
    again = greentree_bert(False, models=tmp_path, quiet=True)
    assert again.history.seconds == first.history.seconds  # the clock did not run
    for before, after in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_test_stories_are_held_back_and_hide_their_words(monkeypatch):
    texts = []
    real = module.MaskedTokens

    def spy(documents, **options):
        texts.append({tuple(document) for document in documents})
        return real(documents, **options)

    monkeypatch.setattr(module, "MaskedTokens", spy)
    made = greentree_bert(False, quiet=True)
    held_back = {tuple(made.tokenizer.encode(story.english)) for story in made.test}
    trained = max(texts, key=len)
    assert held_back and not held_back & trained
    assert all(not trained & others for others in texts if others is not trained)

    # Hidden words of a test give nothing away, and its stories are whole and in order.
    stories = [story.english for story in made.test[:20]]
    x, y, w = (np.concatenate(part) for part in zip(*made.masked(stories).dataset(), strict=True))
    assert (x[w > 0] == made.tokenizer.vocabulary_size).all()
    rows = [[id for id in row if id > 2] for row in y.tolist() if any(row)]
    assert rows == [made.tokenizer.encode(story) for story in stories]
