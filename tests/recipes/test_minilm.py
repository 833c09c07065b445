from __future__ import annotations

import numpy as np
import pytest

from lmbook.models.bert import BERT, BERTConfig
from lmbook.recipes import minilm
from lmbook.tokenizers.word_piece import WordPieceTokenizer
from lmbook.training.fine_tuning import class_logits

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a"]
TEXTS, CLASSES = ["a good film", "a bad film", "good", "bad", "good film", "bad film"] * 6, [0, 1] * 18


@pytest.fixture
def tiny(monkeypatch):
    """A BERT in the place of MiniLM that is small enough for a test."""
    config = BERTConfig(len(PIECES), 16, 32, num_heads=2, num_layers=2, max_sequence_length=8, stddev=0.2)
    monkeypatch.setattr(minilm, "load_minilm", lambda: (BERT(config), WordPieceTokenizer(PIECES)))
    monkeypatch.setattr(minilm, "RATES", {"last": 1e-2, "all": 1e-2})
    return minilm.MiniLMClassifier(2)


def test_it_learns_and_each_time_from_the_published_weights(tiny):
    data = tiny.batches(TEXTS, CLASSES, length=8)
    ((ids, _, _),) = data.dataset(0, 1)
    assert ids.numpy()[0, 0] == PIECES.index("[CLS]")
    before = tiny.vectors(data)
    history = tiny.tune("all", data, data, epochs=25)
    assert len(history.validation_steps) == 25 and history.best_loss < 0.4
    assert (class_logits(tiny.model, data).argmax(axis=1) == CLASSES).all()
    logits = class_logits(tiny.model, data)
    np.testing.assert_array_equal(tiny.vectors(data), before)  # of the untuned model, also afterwards
    tiny.tune("all", data, data, epochs=25)
    np.testing.assert_allclose(class_logits(tiny.model, data), logits, atol=1e-4)


def test_vectors_have_length_one_and_are_those_of_the_text_alone(tiny):
    found = minilm.minilm_vectors({"films": TEXTS[:5], "one": ["good film"]}, max_length=8)
    assert found["films"].shape == (5, 16)
    np.testing.assert_allclose(np.linalg.norm(found["films"], axis=1), 1.0, rtol=1e-5)
    same = minilm.minilm_vectors({"all": [*TEXTS[:5], "good film"]}, max_length=8)["all"]
    assert same.shape == (6, 16) and not np.allclose(same[0], same[1])
