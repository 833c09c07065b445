from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel
from lmbook.training.validation import Validation


def by_hand(model, documents):
    """Each document alone, as a whole: sum of -log p and the number of tokens."""
    total = tokens = 0
    for document in documents:
        logits = np.asarray(model(np.array([[2, *document]], "int32")), "float64")[0]
        log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        labels = [*document, 2]
        total -= log_p[np.arange(len(labels)), labels].sum()
        tokens += len(labels)
    return total / tokens, tokens


def test_each_token_counts_once_with_its_whole_past(make_model):
    model, rng = make_model(), np.random.default_rng(4)
    documents = [rng.integers(3, 9, n).tolist() for n in (1, 7, 30, 4, 12)] + [[]]
    validation = Validation(documents, batch_size=2, context=5, row_length=100)
    loss, tokens = by_hand(model, documents[:-1])
    assert validation.tokens == tokens
    assert validation(model) == pytest.approx(loss, abs=1e-5)


def test_rows_of_a_long_document_are_led_in(make_model):
    model, rng = make_model(cell="gru"), np.random.default_rng(5)
    documents = [rng.integers(3, 9, 300).tolist()]
    validation = Validation(documents, batch_size=4, context=8, row_length=64, lead_in=40)
    loss, tokens = by_hand(model, documents)
    assert validation.tokens == tokens
    assert validation(model) == pytest.approx(loss, abs=1e-4)


@pytest.mark.parametrize("context", [8, 50])
def test_a_transformer_reads_a_long_document_in_windows(context):
    keras.utils.set_random_seed(3)
    model = TransformerLanguageModel(TransformerConfig(9, 8, 8, num_heads=2, max_sequence_length=20, dropout=0.0))
    rng = np.random.default_rng(5)
    documents = [rng.integers(3, 9, n).tolist() for n in (3, 19, 70)]
    validation = Validation(documents, batch_size=2, context=context, lead_in=6)
    assert validation.tokens == 4 + 20 + 71
    loss, tokens = by_hand(model, documents[:2])
    total, inputs, labels = loss * tokens, [2, *documents[2]], [*documents[2], 2]
    windows = {
        first: np.asarray(model(np.array([inputs[first : first + 20]])), "float64")[0] for first in range(0, 70, 14)
    }
    for counted in range(71):  # windows count 20 tokens, then 14 each
        first = max(0, (counted - 20) // 14 + 1) * 14
        logits = windows[first][counted - first]
        total += np.log(np.exp(logits).sum()) - logits[labels[counted]]
    assert validation(model) == pytest.approx(total / validation.tokens, abs=1e-5)


def test_an_empty_text_is_refused():
    with pytest.raises(LmbookError, match="empty"):
        Validation([[]])
