from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmbook.recipes import bert as module
from lmbook.recipes.bert import greentree_bert

TINY = replace(
    module.QUICK, words=3, stories=200, max_sentences=3, context=48, batch_size=8, steps=3, hidden_dim=8, num_layers=1
)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """(what two calls with the same folder give, the documents of which batches were made)."""
    texts, real = [], module.MaskedTokens

    def spy(documents, tokenizer, **options):
        texts.append({tuple(document) for document in documents})
        return real(documents, tokenizer, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "QUICK", TINY)
        patch.setattr(module.BERTMaskedLM, "jit_compile_training", False, raising=False)  # compiling takes longest
        patch.setattr(module, "MaskedTokens", spy)
        folder = tmp_path_factory.mktemp("models")
        return [greentree_bert(False, models=folder, quiet=True) for _ in range(2)], texts


def test_a_trained_bert_is_loaded_and_not_trained_again(twice, assert_loaded_and_not_trained_again):
    assert_loaded_and_not_trained_again(*twice[0])


def test_test_stories_are_held_back_and_hide_their_words(twice):
    (made, _), texts = twice
    texts = texts[: len(texts) // 2]  # of the first call
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
