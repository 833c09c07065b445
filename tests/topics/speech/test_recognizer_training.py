from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.speech.ctc import greedy, log_probability
from lmbook.topics.speech.log_mel import LogMel
from lmbook.topics.speech.recognizer import SpeechConfig, SpeechRecognizer
from lmbook.topics.speech.recognizer_training import ctc_losses, likeliest_of, log_probabilities, train_recognizer
from lmbook.topics.speech.recordings import RATE, Recording
from lmbook.topics.speech.utterances import SpokenSequences, Surroundings, rows, utterance

IDS = SpecialIds()


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("lengths", [(6, 6), (6, 4)])
def test_losses_are_those_of_all_paths_and_padding_counts_for_nothing(lengths):
    logits = np.random.default_rng(0).normal(size=(2, 6, 5)).astype("float32")
    texts = [[3, 3], [4]]
    found = ctc_losses(rows(texts, IDS), logits, np.array(lengths, np.int32), IDS).numpy()
    for loss, row, length, text in zip(found, logits, lengths, texts, strict=True):
        assert loss == pytest.approx(-log_probability(log_softmax(row[:length]), text, IDS), rel=1e-5)


def test_the_likeliest_of_the_choices_is_found():
    found = [log_softmax(np.random.default_rng(seed).normal(0, 2, (4 + seed, 5))) for seed in range(6)]
    choices = [[3], [4], [3, 4]]
    expected = [np.argmax([log_probability(one, choice, IDS) for choice in choices]) for one in found]
    assert likeliest_of(found, choices, IDS).tolist() == expected


def tones():
    at = np.arange(RATE // 5) / RATE
    return [Recording(np.sin(2 * np.pi * f * at).astype("float32"), t, "a") for t, f in (("1", 400), ("2", 1800))]


def trained(steps, seed=0):
    keras.utils.set_random_seed(seed)
    model = SpeechRecognizer(SpeechConfig(5, 12, 16, 32, num_heads=2, num_layers=1, dropout=0.0))
    data = SpokenSequences(tones(), DIGITS, batch_size=8, words=(1, 3), around=AROUND, log_mel=LogMel(12))
    return model, train_recognizer(model, data, steps=steps, learning_rate=1e-2, quiet=True)


AROUND = Surroundings(pause=(0.08, 0.12))


DIGITS = WordTokenizer.train(["1 1 2"])  # ids 3 and 4


def test_it_learns_which_tones_follow_each_other():
    model, history = trained(70)
    assert history.steps[-1] == 70 and history.loss[-1] < 0.3 < history.loss[0] and history.tokens > 500
    said = [utterance(text, tones(), AROUND, 9) for text in ("1", "2 2", "1 2 1", "2 1 1 2")]
    found = log_probabilities(model, [one.samples for one in said], LogMel(12))
    assert [greedy(one, DIGITS) for one in found] == [DIGITS.encode(one.text) for one in said]
    np.testing.assert_allclose(np.exp(found[0]).sum(axis=1), 1, atol=1e-5)


def test_no_step_is_refused():
    with pytest.raises(LmbookError, match="steps=0"):
        trained(0)
