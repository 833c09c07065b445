from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.bert import BERTConfig, BERTMaskedLM
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel
from lmbook.pipelines.masked import MaskedTokens
from lmbook.pipelines.pairs import SentencePairs
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.fit import fit
from lmbook.training.optimizers import OptimizerConfig
from lmbook.training.validation import MaskedValidation, Validation, score_next_tokens


def by_hand(model, documents, end=2):
    """Each document alone, as a whole: mean of -log p and the number of tokens."""
    total = tokens = 0
    for document in documents:
        logits = np.asarray(model(np.array([[end, *document]], "int32")), "float64")[0]
        log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        labels = [*document, end]
        total -= log_p[np.arange(len(labels)), labels].sum()
        tokens += len(labels)
    return total / tokens, tokens


def test_each_token_counts_once_with_its_whole_past(make_model, special_ids):
    model, rng = make_model(), np.random.default_rng(4)
    documents = [rng.integers(3, 9, n).tolist() for n in (1, 7, 30, 4, 12)] + [[]]
    validation = Validation(documents, special_ids, batch_size=2, context=5, row_length=100)
    loss, tokens = by_hand(model, documents[:-1])
    assert validation.tokens == tokens
    assert validation(model) == pytest.approx(loss, abs=1e-5)


def test_rows_of_a_long_document_are_led_in(make_model, special_ids):
    model, rng = make_model(cell="gru"), np.random.default_rng(5)
    documents = [rng.integers(3, 9, 300).tolist()]
    validation = Validation(documents, special_ids, batch_size=4, context=8, row_length=64, lead_in=40)
    loss, tokens = by_hand(model, documents)
    assert validation.tokens == tokens
    assert validation(model) == pytest.approx(loss, abs=1e-4)


@pytest.mark.xla
@pytest.mark.parametrize("context", [8, 50])
def test_a_transformer_reads_a_long_document_in_windows(special_ids, context):
    keras.utils.set_random_seed(3)
    model = TransformerLanguageModel(TransformerConfig(9, 8, 8, num_heads=2, max_sequence_length=20, dropout=0.0))
    rng = np.random.default_rng(5)
    documents = [rng.integers(3, 9, n).tolist() for n in (3, 19, 70)]
    validation = Validation(documents, special_ids, batch_size=2, context=context, lead_in=6)
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


def test_the_special_ids_are_those_of_the_tokenizer(make_model):
    """A tokenizer whose end is 5 and whose padding is 7."""
    model, rng = make_model(), np.random.default_rng(6)
    documents = [rng.integers(0, 5, n).tolist() for n in (3, 9, 6)]
    validation = Validation(documents, SpecialIds(pad_id=7, end_id=5), batch_size=2, context=4)
    assert validation(model) == pytest.approx(by_hand(model, documents, end=5)[0], abs=1e-5)
    read = [x for x, _, _ in validation._batches(None)]
    assert all(x[0, 0] == 5 for x in read) and any((x == 7).any() for x in read)


def test_an_empty_text_is_refused(special_ids):
    with pytest.raises(LmbookError, match="empty"):
        Validation([[]], special_ids)


V = 12
SMALL = BERTConfig(V + 1, 16, 24, num_heads=2, num_layers=1, max_sequence_length=8, dropout=0.0, stddev=0.1)


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
        BERTMaskedLM(SMALL),
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
    model = BERTMaskedLM(SMALL)
    validation = MaskedValidation(hidden(patterned(40, 1), shuffle=False, mask_token_rate=1.0, random_token_rate=0.0))
    before = validation.score(model)
    data = hidden(patterned(200, 2), batch_size=32)
    options = {"checks": ("ids", "initial_loss"), "jit_compile": False, "quiet": True}
    optimizer = OptimizerConfig("muon", learning_rate=1e-2)
    history = fit(model, data, steps=150, validation=validation, optimizer=optimizer, **options)
    after = validation.score(model)
    assert after.nats_per_token == pytest.approx(history.best_loss, abs=1e-6)
    assert before.accuracy < 0.4 and after.accuracy > 0.8  # the neighbours tell


def test_answers_are_in_the_order_of_the_text():
    keras.utils.set_random_seed(0)
    documents = [[3, 4, 5], [6, 7], [8, 9, 10, 11]]
    data = hidden(
        documents, shuffle=False, mask_token_rate=1.0, random_token_rate=0.0, mask_selection_rate=1.0, batch_size=2
    )
    right, likeliest, losses = MaskedValidation(data).answers(BERTMaskedLM(SMALL))
    assert right.tolist() == [id for document in documents for id in document]
    assert len(likeliest) == len(losses) == len(right)


def test_next_tokens_are_scored_as_one_by_one():
    keras.utils.set_random_seed(0)
    model = EncoderDecoder(TransformerConfig(11, 8, 12, 2, 1, max_sequence_length=16))
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(3, 11, 5).tolist(), rng.integers(3, 11, length).tolist()) for length in (2, 5, 9)]
    losses, right = [], []
    for source, target in pairs:
        logits = np.asarray(model((np.array([source]), np.array([[2, *target]]))))[0]
        logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        losses += [-logs[place, token] for place, token in enumerate([*target, 2])]
        right += [logits[place].argmax() == token for place, token in enumerate([*target, 2])]
    score = score_next_tokens(model, SentencePairs(pairs, SpecialIds(), tokens_per_batch=24))
    assert score.tokens == len(losses) == 19
    assert score.nats_per_token == pytest.approx(np.mean(losses), rel=1e-5)
    assert score.accuracy == pytest.approx(np.mean(right))
    # 8, 8 and 12 positions; padding is "right" where the model predicts id 0, at most as often as it stands there.
    assert 28 * score.unmasked_accuracy - 19 * score.accuracy <= 28 - 19 + 1e-6
