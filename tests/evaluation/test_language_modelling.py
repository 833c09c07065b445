import math

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.language_modelling import evaluate, score
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig, TransformerLanguageModel
from lmbook.tokenizers.tokenizer import SpecialIds

V = 11
RANDOM = np.random.default_rng(1)
DOCUMENTS = [RANDOM.integers(3, V, length).tolist() for length in (4, 31, 1, 17, 17)]


def make_model(cell):
    keras.utils.set_random_seed(5)
    model = RecurrentLanguageModel(RecurrentConfig(V, embedding_dim=5, hidden_dim=7, num_layers=2, cell=cell))
    for weight in model.trainable_variables:
        weight.assign(weight * 2)
    return model


@pytest.fixture(scope="module")
def model():
    return make_model("lstm")


@pytest.fixture(scope="module")
def expected(model):
    """For each value of `closed`, the surprises of all documents."""
    return {
        closed: [nats for document in DOCUMENTS for nats in surprises(model, document, closed)]
        for closed in (True, False)
    }


def surprises(model, document, closed=True):
    """-ln p of each label of a document, from the model's call on the whole of it."""
    labels = [*document, 2] if closed else document
    logits = model(np.array([[2, *labels[:-1]]])).numpy()[0].astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    log_probability = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return [-log_probability[place, label] for place, label in enumerate(labels)]


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize(("batch_size", "context"), [(4, 1), (1, 7), (4, 7), (32, 7), (4, 256)])
def test_every_token_is_scored_once_with_its_whole_past(model, expected, closed, batch_size, context):
    result = evaluate(model, DOCUMENTS + [[]], SpecialIds(), closed=closed, batch_size=batch_size, context=context)
    assert result.tokens == len(expected[closed]) == sum(map(len, DOCUMENTS)) + closed * len(DOCUMENTS)
    assert result.nats_per_token == pytest.approx(np.mean(expected[closed]), abs=2e-6)


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_other_states_are_carried_too(cell):
    model = make_model(cell)
    nats = [surprise for document in DOCUMENTS for surprise in surprises(model, document)]
    assert evaluate(model, DOCUMENTS, SpecialIds(), context=10).nats_per_token == pytest.approx(np.mean(nats), abs=2e-6)


def test_one_long_document_in_a_stream(model):
    document = RANDOM.integers(3, V, 300).tolist()
    result = evaluate(model, [document], SpecialIds(), context=64)
    assert result.nats_per_token == pytest.approx(np.mean(surprises(model, document)), abs=2e-6)


def test_pieces_forget_only_what_lies_before_their_overlap(model):
    document = RANDOM.integers(3, V, 100).tolist()
    x, labels = [2, *document], [*document, 2]
    size, overlap = 26, 10  # 101 labels in 4 pieces
    expected = []
    for first in range(0, 101, size):
        begin = max(0, first - overlap)
        logits = model(np.array([x[begin : first + size]])).numpy()[0].astype(np.float64)
        log_probability = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        for place in range(first, min(101, first + size)):
            expected.append(-log_probability[place - begin, labels[place]])
    result = evaluate(model, [document], SpecialIds(), pieces=4, context=overlap)
    assert result.tokens == len(expected) == 101
    assert result.nats_per_token == pytest.approx(np.mean(expected), abs=2e-6)


def test_pieces_score_every_token_once(model):
    exact = evaluate(model, DOCUMENTS, SpecialIds())
    for pieces in (2, 50):
        assert evaluate(model, DOCUMENTS, SpecialIds(), pieces=pieces, context=8).tokens == exact.tokens
        assert (
            evaluate(model, DOCUMENTS, SpecialIds(), pieces=pieces, context=100) == exact
        )  # no document is longer than that


@pytest.fixture(scope="module")
def windowed():
    """(a Transformer that reads 16 tokens, the surprises of all documents read in its windows)."""
    keras.utils.set_random_seed(5)
    most, expected = 16, []
    model = TransformerLanguageModel(TransformerConfig(V, 8, 8, num_heads=2, max_sequence_length=most, dropout=0.0))
    for document in DOCUMENTS:
        inputs, labels = [2, *document], [*document, 2]
        starts = range(0, len(inputs), 8)
        windows = {first: model(np.array([inputs[first : first + most]])).numpy()[0] for first in starts}
        for place, label in enumerate(labels):  # the first window counts 16 tokens, the others 8
            first = max(0, place // 8 - 1) * 8
            logits = windows[first][place - first].astype(np.float64)
            expected.append(np.log(np.exp(logits).sum()) - logits[label])
    return model, expected


@pytest.mark.parametrize(("batch_size", "context"), [(1, 5), (2, 64), (32, 64)])
def test_a_transformer_reads_what_is_longer_than_it_can_in_windows(windowed, batch_size, context):
    model, expected = windowed
    for pieces in (1, 4):
        result = evaluate(model, DOCUMENTS, SpecialIds(), batch_size=batch_size, context=context, pieces=pieces)
        assert result.tokens == len(expected)
        assert result.nats_per_token == pytest.approx(np.mean(expected), abs=5e-6)


def test_a_model_that_knows_nothing_scores_the_logarithm_of_its_vocabulary():
    model = RecurrentLanguageModel(RecurrentConfig(V, embedding_dim=3, hidden_dim=3))
    for weight in model.trainable_variables:
        weight.assign(weight * 0)
    result = evaluate(model, DOCUMENTS, SpecialIds(), bytes_total=140)
    assert result.nats_per_token == pytest.approx(math.log(V))
    assert result.bits_per_token == pytest.approx(math.log2(V))
    assert result.perplexity == pytest.approx(V)
    assert result.bits_per_byte == pytest.approx(math.log2(V) * result.tokens / 140)


def test_units():
    assert score(10 * math.log(4), 10, 5).bits_per_byte == pytest.approx(4)
    assert score(10.0, 10).bits_per_byte is None
    assert score(1e6, 10).perplexity == math.inf


def test_new_weights_are_used():
    model = RecurrentLanguageModel(RecurrentConfig(V, embedding_dim=3, hidden_dim=3))
    before = evaluate(model, DOCUMENTS, SpecialIds())
    for weight in model.trainable_variables:
        weight.assign(weight * 0)
    assert evaluate(model, DOCUMENTS, SpecialIds()) != before


def test_ids_of_another_vocabulary_are_refused(model):
    with pytest.raises(LmbookError, match=rf"id {V + 1}.* {V} tokens"):
        evaluate(model, [[3, V + 1]], SpecialIds())


@pytest.mark.parametrize("documents", [[], [[]]])
def test_an_empty_text_is_refused(model, documents):
    with pytest.raises(LmbookError, match="empty"):
        evaluate(model, documents, SpecialIds())


@pytest.mark.parametrize("wrong", ["batch_size", "context", "pieces"])
def test_wrong_arguments_are_named(model, wrong):
    with pytest.raises(LmbookError, match=f"{wrong} is 0"):
        evaluate(model, DOCUMENTS, SpecialIds(), **{wrong: 0})


@pytest.mark.parametrize("pieces", [1, 3])
def test_it_is_told_how_many_tokens_are_scored(model, windowed, pieces):
    for one in (model, windowed[0]):
        told = []
        found = evaluate(
            one, DOCUMENTS, SpecialIds(), context=7, pieces=pieces, report=lambda *now, to=told: to.append(now)
        )
        assert told[-1] == (found.tokens, found.tokens) and len(told) > 1
        assert told == sorted(told)
