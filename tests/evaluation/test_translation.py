from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.corpora.catalogue import load_corpus
from lmbook.errors import LmbookError
from lmbook.evaluation.translation import join_pieces, score_next_tokens, score_translations
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.models.transformer import TransformerConfig
from lmbook.pipelines.pairs import SentencePairs


def test_bleu_by_hand():
    # Shared runs of 1, 2, 3, 4 words: 5 of 6, 3 of 5, 2 of 4, 1 of 3; equally long, so no penalty.
    score = score_translations(["the cat sat on a mat"], ["the cat sat on the mat"], "none")
    assert score.bleu == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    assert score.brevity_penalty == 1.0 and "tok:none" in score.bleu_signature


def test_more_references_can_only_help_and_may_differ_in_number():
    outputs, one = ["a red tree stands here", "it rains all day"], ["a green tree stands here", "rain falls all day"]
    more = [["a green tree stands here", "a red tree stands here"], ["rain falls all day"]]
    assert score_translations(outputs, more).bleu > score_translations(outputs, one).bleu
    assert score_translations(outputs, outputs).bleu == pytest.approx(100)


def test_chinese_is_cut_into_characters():
    spaced = score_translations(["一棵绿色的树"], ["一棵红色的树"], "13a").bleu
    assert score_translations(["一棵绿色的树"], ["一棵红色的树"], "zh").bleu > spaced


@pytest.mark.parametrize(
    ("outputs", "references", "tokenize", "message"),
    [
        (["a"], ["a", "b"], "13a", "1 translations and 2"),
        ([], [], "13a", "0 translations"),
        (["a"], ["a"], "words", "'words'"),
        (["a", "b"], [["a"], []], "13a", "Sentence 1"),
    ],
)
def test_what_cannot_be_scored_is_refused(outputs, references, tokenize, message):
    with pytest.raises(LmbookError, match=message):
        score_translations(outputs, references, tokenize)


@pytest.mark.parametrize("kind", ["reference_bpe", "reference_spm"])
def test_the_published_bleu_of_a_real_system(mirror, monkeypatch, tmp_path, kind):
    monkeypatch.setenv("LMBOOK_MIRROR", mirror)
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path))
    lines = load_corpus("mt_eval_deen").split("test")
    # That program takes an empty line for one empty word; three of the 3,000 are empty.
    outputs = [line["output"] or "-" for line in lines]
    score = score_translations(outputs, [join_pieces(line[kind]) for line in lines], "none")
    assert score.bleu == pytest.approx(22.5855084573, abs=1e-8)


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
    score = score_next_tokens(model, SentencePairs(pairs, tokens_per_batch=24))
    assert score.tokens == len(losses) == 19
    assert score.nats_per_token == pytest.approx(np.mean(losses), rel=1e-5)
    assert score.accuracy == pytest.approx(np.mean(right))
    # 8, 8 and 12 positions; padding is "right" where the model predicts id 0, at most as often as it stands there.
    assert 28 * score.unmasked_accuracy - 19 * score.accuracy <= 28 - 19 + 1e-6
