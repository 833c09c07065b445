"""What topics make of texts is the same whatever ids a tokenizer has."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from unusual_ids import USUAL, RenumberedModel, RenumberedTokenizer, every_kind, renumbering

from lmbook.corpora.greentree import Grammar, tell_stories
from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.models.n_gram import KneserNey
from lmbook.models.n_gram_counts import count_n_grams
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.interpretability.losses import next_tokens
from lmbook.topics.interpretability.states import story_states
from lmbook.topics.preferences.rollouts import roll_out
from lmbook.topics.privacy.tagged_words import TaggedWords, word_row
from lmbook.topics.reading.answer_spans import AnswerSpans
from lmbook.topics.speech.ctc import greedy, log_probability, n_gram_scores, prefix_beam_search
from lmbook.topics.speech.log_mel import LogMel
from lmbook.topics.speech.recognizer_training import ctc_losses, likeliest_of
from lmbook.topics.speech.recordings import Recording
from lmbook.topics.speech.utterances import SpokenSequences, rows
from lmbook.topics.vision.picture_batches import CaptionedPictures, PicturePairs

V = 30
RANDOM = np.random.default_rng(0)
TEXTS = [RANDOM.integers(3, V, n).tolist() for n in RANDOM.integers(3, 12, 14)]
PICTURES = RANDOM.integers(0, 255, (len(TEXTS), 4, 4, 3)).astype("uint8")


def as_it_is(ids):
    return ids


def spans(ids, special):
    return AnswerSpans(ids(TEXTS), ids(TEXTS[::-1]), [(0, 1), None] * 7, special, tokens_per_batch=64, widths=(16, 32))


def tagged(ids, special):
    read = [word_row([ids([id]) for id in text], [False] * len(text), special) for text in TEXTS]
    return TaggedWords(read, [[id % 4 for id in text] for text in TEXTS], special, tokens_per_batch=64)


@every_kind
@pytest.mark.parametrize(
    ("make", "tokens"),  # and which of a batch's parts are ids
    [
        (spans, [0]),
        (tagged, [0]),
        (lambda ids, special: CaptionedPictures(PICTURES, ids(TEXTS), special, batch_size=4), [1, 2]),
        (lambda ids, special: PicturePairs(PICTURES, ids(TEXTS), special, batch_size=4), [1]),
    ],
    ids=["spans", "tagged", "captions", "picture pairs"],
)
def test_renumbered_ids_give_renumbered_batches(make, tokens, kind):
    ids = renumbering(kind, V)
    found, expected = make(ids, ids.special), make(as_it_is, USUAL)
    for one, other in zip(found.dataset(0, 9), expected.dataset(0, 9), strict=True):
        parts = zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True)
        for number, (a, b) in enumerate(parts):
            np.testing.assert_array_equal(a, ids(b.numpy()) if number in tokens else b)


@every_kind
def test_roll_outs(kind):
    texts = ["a green tree stands tall .", "the old garden has a tree .", "who am i ? you are mia ."]
    words = WordTokenizer.train(texts)
    other = RenumberedTokenizer(words, kind)
    keras.utils.set_random_seed(0)
    model = RecurrentLanguageModel(RecurrentConfig(words.vocabulary_size, 6, 8))
    found = []
    for tokenizer, renumbered in ((words, None), (other, other.ids)):
        openings = [tokenizer.encode(text)[:3] for text in texts] * 20
        found.append(roll_out(RenumberedModel(model, renumbered), tokenizer, openings, width=12, temperature=0.0))
    assert found[0].texts == found[1].texts
    np.testing.assert_array_equal(found[1].ids, other.ids(found[0].ids))
    np.testing.assert_array_equal(found[1].written, found[0].written)
    drawn_model = RenumberedModel(model, other.ids)
    drawn_model._impossible *= 0.0
    drawn = roll_out(drawn_model, other, openings, width=12, seed=1)
    chosen = drawn.ids[:, 1:][drawn.written > 0]
    never = {*other.suppress_ids} if kind == "moved" else set()
    assert not never & set(chosen.tolist()) and {0, 1, 2} & set(chosen.tolist())
    ended = [row[weights > 0][-1] == other.end_id for row, weights in zip(drawn.ids[:, 1:], drawn.written, strict=True)]
    assert any(ended) and not all(ended)
    for row, weights in zip(drawn.ids, drawn.written, strict=True):
        last = np.flatnonzero(weights)[-1] + 1
        assert (row[last + 1 :] == other.pad_id).all()


@every_kind
def test_next_tokens_and_the_states_of_stories(kind):
    grammar = Grammar(LEXICON.first(3, kinds=8), max_sentences=4)
    words = WordTokenizer.train([story.english for story in tell_stories(10, 5, grammar=grammar)])
    other = RenumberedTokenizer(words, kind)
    usual, found = (story_states(10, 5, grammar, tokenizer) for tokenizer in (words, other))
    np.testing.assert_array_equal(found.ids, other.ids(usual.ids))
    np.testing.assert_array_equal(found.real, usual.real)
    np.testing.assert_array_equal(next_tokens(found.ids, other), other.ids(next_tokens(usual.ids, words)))


@every_kind
def test_speech(kind):
    """The blank is the padding; the end closes the language model's texts."""
    size = 9
    ids = renumbering(kind, 14) if kind == "moved" else renumbering(kind, size)
    size = len(ids.new)
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 1.5, (3, 7, size))
    logits[:, :, [1, 2]] = -1e9  # unknown and end are not spoken
    usual = (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)
    # Id `new[i]` is as likely as i; where the one special token is many, it is the blank.
    old = ids.old.copy()
    old[ids.special.pad_id] = 0
    found = usual[:, :, old]
    texts = [[3, 4, 4], [5], [6, 3, 5, 7]]
    read = [[3, 4, 5, 6, 7, 8, 3], [5, 4, 3], [6, 3, 3, 5]]
    language = n_gram_scores(KneserNey(count_n_grams(read, USUAL, 2, size)))
    other_language = n_gram_scores(KneserNey(count_n_grams(ids(read), ids.special, 2, ids.vocabulary_size)))
    for one, other in zip(found, usual, strict=True):
        assert greedy(one, ids.special) == ids(greedy(other, USUAL))
        for text in texts:
            assert log_probability(one, ids(text), ids.special) == pytest.approx(log_probability(other, text, USUAL))
        plain, expected = prefix_beam_search(one, ids.special, 8), prefix_beam_search(other, USUAL, 8)
        assert [best.ids for best in plain] == [ids(best.ids) for best in expected]
        closed = prefix_beam_search(one, ids.special, 8, language_model=other_language)
        for best in closed:
            spoken = sum(other_language(best.ids[:n])[id] for n, id in enumerate((*best.ids, ids.special.end_id)))
            assert best.language == pytest.approx(spoken)
        assert language(())[2] == pytest.approx(other_language(())[ids.special.end_id], abs=0.2)
    lengths = np.full(3, 7, np.int32)
    losses = ctc_losses(rows(ids(texts), ids.special), found, lengths, ids.special)
    np.testing.assert_allclose(losses, ctc_losses(rows(texts, USUAL), usual, lengths, USUAL), rtol=1e-5)
    chosen = likeliest_of(list(found), ids(texts), ids.special)
    np.testing.assert_array_equal(chosen, likeliest_of(list(usual), texts, USUAL))


@every_kind
def test_spoken_sequences(kind):
    words = WordTokenizer.train(["one one two two three four five six seven"])
    other = RenumberedTokenizer(words, kind)
    noise = np.random.default_rng(1)
    spoken = [Recording(noise.normal(0, 0.1, 1500).astype("float32"), text, "a") for text in ("one", "two", "three")]
    found, expected = (
        next(iter(SpokenSequences(spoken, t, batch_size=5, words=(1, 4), log_mel=LogMel(8)).dataset()))
        for t in (other, words)
    )
    np.testing.assert_array_equal(found[0][0], expected[0][0])
    labels = expected[1].numpy()
    assert (labels == words.pad_id).any()
    np.testing.assert_array_equal(found[1], other.ids(labels))
