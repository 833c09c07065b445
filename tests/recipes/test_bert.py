from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmbook.recipes import bert as module
from lmbook.recipes.bert import greentree_bert

TINY = replace(
    module.QUICK,
    name="tiny",
    words=3,
    stories=200,
    max_sentences=3,
    context=48,
    batch_size=8,
    steps=3,
    hidden_dim=8,
    num_layers=1,
)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """What two calls with the same folder give."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.BERTMaskedLM, "jit_compile_training", False, raising=False)  # compiling takes longest
        folder = tmp_path_factory.mktemp("models")
        return [greentree_bert(TINY, models=folder, quiet=True) for _ in range(2)]


def test_a_trained_bert_is_loaded_and_not_trained_again(twice, assert_loaded_and_not_trained_again):
    assert_loaded_and_not_trained_again(*twice)


def test_test_stories_are_held_back_and_hide_their_words(twice):
    made, _ = twice
    held_back = {*made.validation, *(story.english for story in made.test)}
    assert made.train and held_back and not held_back & set(made.train)

    # Hidden words of a test give nothing away, and its stories are whole and in order.
    stories = [story.english for story in made.test[:20]]
    x, y, w = (np.concatenate(part) for part in zip(*made.masked(stories).dataset(), strict=True))
    assert (x[w > 0] == made.tokenizer.vocabulary_size).all()
    rows = [[id for id in row if id > 2] for row in y.tolist() if any(row)]
    assert rows == [made.tokenizer.encode(story) for story in stories]
