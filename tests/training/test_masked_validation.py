from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.models.bert import BertConfig, BertMaskedLM
from lmbook.pipelines.masked import MaskedTokens
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.fit import fit
from lmbook.training.masked_validation import MaskedValidation

V = 12
SMALL = BertConfig(V + 1, 16, 24, num_heads=2, num_layers=1, max_sequence_length=8, dropout=0.0, stddev=0.1)


def hidden(documents, **changes):
    return MaskedTokens(
        documents, SpecialIds(), context=8, vocabulary_size=V, mask_id=V, **{"batch_size": 4, **changes}
    )


def patterned(count, seed):
    starts = np.random.default_rng(seed).integers(0, 9, count)
    return [[3 + (start + i) % 9 for i in range(6)] for start in starts.tolist()]


def test_the_score_is_the_mean_over_hidden_tokens():
    keras.utils.set_random_seed(0)
    model, data = (
        BertMaskedLM(SMALL),
        hidden(patterned(10, 0), shuffle=False, mask_token_rate=1.0, random_token_rate=0.0),
    )
    losses, right = [], []
    for x, y, w in data.dataset():
        logits = np.asarray(model(x), "float64")
        logp = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        for row, place in np.argwhere(w.numpy() == 1):
            losses.append(-logp[row, place, y[row, place]])
            right.append(logits[row, place].argmax() == y[row, place])
    score = MaskedValidation(data).score(model)
    assert score.tokens == len(losses) == 10
    assert score.nats_per_token == pytest.approx(np.mean(losses), abs=1e-5)
    assert score.accuracy == pytest.approx(np.mean(right))


def test_fit_teaches_a_bert_to_name_hidden_tokens():
    keras.utils.set_random_seed(0)
    model = BertMaskedLM(SMALL)
    model.jit_compile_training = False  # compiling takes longer than the training
    validation = MaskedValidation(hidden(patterned(40, 1), shuffle=False, mask_token_rate=1.0, random_token_rate=0.0))
    before = validation.score(model)
    data = hidden(patterned(200, 2), batch_size=32)
    options = {"optimizer": "muon", "learning_rate": 1e-2, "checks": ("ids", "initial_loss"), "quiet": True}
    history = fit(model, data, steps=150, validation=validation, **options)
    after = validation.score(model)
    assert after.nats_per_token == pytest.approx(history.best_loss, abs=1e-6)
    assert before.accuracy < 0.4 and after.accuracy > 0.8  # the neighbours tell


def test_answers_are_in_the_order_of_the_text():
    keras.utils.set_random_seed(0)
    documents = [[3, 4, 5], [6, 7], [8, 9, 10, 11]]
    data = hidden(
        documents, shuffle=False, mask_token_rate=1.0, random_token_rate=0.0, mask_selection_rate=1.0, batch_size=2
    )
    right, likeliest, losses = MaskedValidation(data).answers(BertMaskedLM(SMALL))
    assert right.tolist() == [id for document in documents for id in document]
    assert len(likeliest) == len(losses) == len(right)
