"""Figures are the same whatever ids a tokenizer has."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from unusual_ids import USUAL, RenumberedModel, RenumberedTokenizer, every_kind, renumbering

from lmbook.corpora.greentree.dialogues import dialogues
from lmbook.corpora.greentree.instructions import instructions
from lmbook.evaluation.dialogue import score_dialogues
from lmbook.evaluation.instructions import score_answers
from lmbook.evaluation.language_modelling import evaluate
from lmbook.evaluation.sentences import sentence_log_probabilities
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.models.n_gram import AddK, KneserNey
from lmbook.models.n_gram_counts import count_n_grams
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.models.transformer import TransformerConfig
from lmbook.pipelines.dialogues import REPLIES
from lmbook.pipelines.instructions import InstructionBatches
from lmbook.pipelines.masked import MaskedTokens
from lmbook.pipelines.pairs import SentencePairs
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.validation import MaskedValidation, Validation, score_next_tokens

V = 20
RANDOM = np.random.default_rng(2)
TEXTS = [RANDOM.integers(3, V, n).tolist() for n in (4, 31, 1, 17, 17, 9)]


@pytest.fixture(scope="module")
def recurrent():
    keras.utils.set_random_seed(5)
    model = RecurrentLanguageModel(RecurrentConfig(V, 5, 7))
    return model, RenumberedModel(model)


@pytest.fixture(scope="module")
def gpt():
    keras.utils.set_random_seed(5)
    model = GPT(GPTConfig(V, hidden_dim=8, intermediate_dim=8, num_heads=2, num_layers=1, max_sequence_length=12))
    return model, RenumberedModel(model)


def both(models, kind):
    """(model, what it does to texts, special ids) with the usual ids and with others."""
    (model, usual), ids = models, renumbering(kind, V)
    return (usual, lambda texts: texts, USUAL), (RenumberedModel(model, ids), ids, ids.special)


@every_kind
@pytest.mark.parametrize(
    "options", [{}, {"closed": False}, {"context": 5, "batch_size": 2}, {"context": 4, "pieces": 3}]
)
def test_the_loss_of_a_text(recurrent, kind, options):
    first, second = (evaluate(model, ids(TEXTS), special, **options) for model, ids, special in both(recurrent, kind))
    assert first.tokens == second.tokens
    assert first.nats_per_token == pytest.approx(second.nats_per_token, rel=1e-6)


@every_kind
def test_the_loss_in_windows(gpt, kind):
    first, second = (evaluate(model, ids(TEXTS), special) for model, ids, special in both(gpt, kind))
    assert first.tokens == second.tokens
    assert first.nats_per_token == pytest.approx(second.nats_per_token, rel=1e-6)


@every_kind
def test_the_loss_during_training(recurrent, gpt, kind):
    """`Validation` scores what `evaluate` scores; rows go on where the text is longer than one."""
    for models, options in ((recurrent, {"row_length": 12, "lead_in": 20}), (gpt, {})):
        (model, _, special), (other, ids, unusual) = both(models, kind)
        first = Validation(TEXTS, special, batch_size=4, context=6, **options)
        second = Validation(ids(TEXTS), unusual, batch_size=4, context=6, **options)
        assert first.tokens == second.tokens == sum(map(len, TEXTS)) + len(TEXTS)
        assert first(model) == pytest.approx(second(other), rel=1e-6)
    assert first(model) == pytest.approx(evaluate(model, TEXTS, special).nats_per_token, rel=1e-6)


@every_kind
def test_hidden_tokens(recurrent, kind):
    found = []
    for model, ids, special in both(recurrent, kind):
        size = V if special is USUAL else ids.vocabulary_size
        rates = {"mask_selection_rate": 0.5, "mask_token_rate": 0.5, "random_token_rate": 0.3}
        masked = MaskedTokens(
            ids(TEXTS),
            special,
            context=9,
            batch_size=4,
            vocabulary_size=size,
            mask_id=ids([9])[0],
            shuffle=False,
            **rates,
        )
        found.append(MaskedValidation(masked).score(model))
    assert found[0].tokens == found[1].tokens > 30
    assert found[0].nats_per_token == pytest.approx(found[1].nats_per_token, rel=1e-6)
    assert found[0].accuracy == found[1].accuracy


@every_kind
def test_the_probability_of_sentences(recurrent, kind):
    first, second = (
        sentence_log_probabilities(model, ids(TEXTS), special, batch_size=4)
        for model, ids, special in both(recurrent, kind)
    )
    np.testing.assert_allclose(first, second, rtol=1e-6)


@every_kind
def test_n_grams(kind):
    ids = renumbering(kind, V)
    size = ids.vocabulary_size
    usual, other = count_n_grams(TEXTS, USUAL, 3, V), count_n_grams(ids(TEXTS), ids.special, 3, size)
    assert (usual.tokens, usual.end_id, other.end_id) == (other.tokens, 2, ids.special.end_id)
    for make in (KneserNey, lambda counts: AddK(counts, k=0.0)):
        first, second = make(usual), make(other)
        p = first.distribution([2, *TEXTS[1][:2]])[ids.old]
        smoothing = 0 if make is not KneserNey else abs(1 / V - 1 / size)  # less tokens share what is left for all
        np.testing.assert_allclose(second.distribution([ids.special.end_id, *ids(TEXTS[1][:2])]), p, atol=smoothing)
        assert ids(first.generate(max_new_tokens=9, temperature=0)) == second.generate(max_new_tokens=9, temperature=0)


@every_kind
def test_answers_and_their_next_tokens(gpt, recurrent, kind):
    pairs = [(a[:4], b[:4]) for a, b in zip(TEXTS, TEXTS[1:], strict=False)]
    first, second = (
        score_next_tokens(model, InstructionBatches(ids(pairs), special, tokens_per_batch=32, widths=(8, 12)))
        for model, ids, special in both(gpt, kind)
    )
    assert first.tokens == second.tokens == sum(len(a) + 1 for _, a in pairs)
    assert (first.nats_per_token, first.accuracy) == pytest.approx((second.nats_per_token, second.accuracy), rel=1e-6)


@every_kind
def test_translations_and_their_next_tokens(kind):
    keras.utils.set_random_seed(5)
    model = EncoderDecoder(TransformerConfig(V, 8, 12, num_heads=2, num_layers=1, max_sequence_length=40, dropout=0.0))
    pairs = list(zip(TEXTS, TEXTS[2:] + TEXTS[:2], strict=True))
    first, second = (
        score_next_tokens(model, SentencePairs(ids(pairs), special, tokens_per_batch=96))
        for model, ids, special in both((model, RenumberedModel(model)), kind)
    )
    assert first.tokens == second.tokens == sum(len(target) + 1 for _, target in pairs)
    assert (first.nats_per_token, first.accuracy) == pytest.approx((second.nats_per_token, second.accuracy), rel=1e-6)


@every_kind
def test_what_is_replied_and_answered(kind):
    talks, examples = dialogues(3, 5, turns=3), instructions(4, 6)
    told = [f"{turn.said} {turn.reply} {REPLIES}" for one in talks for turn in one.turns]
    words = WordTokenizer.train([*told, *(f"{e.instruction} {e.text} {e.answer} Answer:" for e in examples)])
    keras.utils.set_random_seed(6)
    model = RecurrentLanguageModel(RecurrentConfig(words.vocabulary_size, 8, 16))
    for weight in model.trainable_variables:
        weight.assign(weight * 3)
    other = RenumberedTokenizer(words, kind)
    pairs = ((RenumberedModel(model), words), (RenumberedModel(model, other.ids), other))
    first, second = (score_dialogues(m, t, talks, max_new_tokens=6, own_replies=True).replies for m, t in pairs)
    assert first == second and len(set(first)) > 1
    first, second = (score_answers(m, t, examples, max_new_tokens=6).answers for m, t in pairs)
    assert first == second and len(set(first)) > 1
