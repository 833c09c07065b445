from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmbook.corpora.corpus import Corpus
from lmbook.errors import LmbookError
from lmbook.recipes import text_classifier as module
from lmbook.recipes.text_classifier import PROFILES, ClassifierProfile, labelled_texts, softmax, text_classifier
from lmbook.tokenizers.word import WordTokenizer

ANIMALS = ("cat", "dog", "bird", "fish", "frog")
RECORDS = [
    {"text": f"the {a} sees the {b} {word}", "label": label}
    for a in ANIMALS
    for b in ANIMALS
    for word, label in (("gladly", "happy"), ("sadly", "sad"))
]


def corpus(train, validation):
    return Corpus("animals", "text_classification", "en", {"train": train, "validation": validation})


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_it_learns_and_gives_probabilities_in_the_order_of_its_labels(kind):
    words = WordTokenizer.train([record["text"] for record in RECORDS])
    profile = replace(PROFILES[kind], steps=30, max_length=12)
    made = text_classifier(profile, corpus(RECORDS[::2] + RECORDS[1::4], RECORDS[3::4]), tokenizer=words, quiet=True)
    assert made.labels == ["happy", "sad"] and made.history.validation_loss
    p = made.probabilities(["the cat sees the dog sadly", "the fish sees the frog gladly"])
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert p.argmax(axis=1).tolist() == [1, 0]
    tested = made.test([*RECORDS[:4], {"text": "the cat", "label": "angry"}])
    assert len(tested.answers) == 5 and tested.score.classes["angry"].recall == 0 and tested.calibration is None
    tested = made.test(RECORDS[:4])
    assert tested.score.accuracy == np.mean([a == r["label"] for a, r in zip(tested.answers, RECORDS[:4], strict=True)])
    assert tested.calibration.error >= 0


def test_short_runs_have_steps_enough(monkeypatch):
    asked = {}
    monkeypatch.setattr(module, "fit", lambda model, data, **options: asked.update(options))
    made = text_classifier(replace(PROFILES["lstm"], vocabulary_size=280, max_length=16), corpus(RECORDS, RECORDS))
    assert asked.pop("steps") == 200 and made.tokenizer.kind == "byte_pair"
    assert made.tokenizer.vocabulary_size <= 280
    text_classifier(replace(PROFILES["lstm"], vocabulary_size=280, minutes=1.0), corpus(RECORDS, RECORDS))
    assert asked["minutes"] == 1.0 and asked["steps"] is None


def test_texts_that_lose_their_ends_are_counted(monkeypatch, capsys):
    monkeypatch.setattr(module, "fit", lambda model, data, **options: None)
    long = [{"text": "the cat " * 20, "label": "sad"}]
    words = WordTokenizer.train([record["text"] for record in RECORDS])
    for records in (RECORDS + long, RECORDS):
        made = text_classifier(replace(PROFILES["lstm"], max_length=16), corpus(records, RECORDS), tokenizer=words)
    assert capsys.readouterr().out.count(f"1 of {len(RECORDS) + 1} texts for train have more than 16 tokens") == 1
    assert made.too_long(["the cat " * 20, "the cat"]) == 1


def test_rows_open_and_close_as_the_tokenizer_has_it():
    words = WordTokenizer.train(["a cat"])
    ((ids, _, _),) = labelled_texts(words, ["a cat"], [0], 8, 8).dataset()
    assert ids.numpy()[0, :4].tolist() == [2, *words.encode("a cat"), 2]
    words.first_id = 4
    ((ids, _, _),) = labelled_texts(words, ["a cat"], [0], 8, 8).dataset()
    assert ids.numpy()[0, 0] == 4
    with pytest.raises(LmbookError, match="one string"):
        labelled_texts(words, "ab", [0, 1], 8, 8)


def test_softmax_of_large_logits():
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0], [0.0, np.log(3)]])), [[0.5, 0.5], [0.25, 0.75]])


def test_what_cannot_be_trained_is_named():
    with pytest.raises(LmbookError, match="no classifier called 'rnn'"):
        text_classifier(ClassifierProfile("rnn"), corpus(RECORDS, RECORDS))
    with pytest.raises(LmbookError, match="No training text has the label 'angry'"):
        text_classifier(PROFILES["lstm"], corpus(RECORDS, [{"text": "x", "label": "angry"}]))


@pytest.mark.parametrize("texts", [("😀", "😡"), ("1", "2"), ("a b", "c d"), ("好", "坏")])
def test_a_bag_of_words_reads_texts_without_any_word_of_two_letters(texts):
    records = [{"text": text, "label": label} for text, label in zip(texts * 9, ("x", "y") * 9, strict=True)]
    whole = Corpus("signs", "text_classification", "", {"train": records, "validation": records, "test": records})
    assert module.bag_of_words_score(whole).accuracy == 1.0


def test_many_texts_are_classified_in_parts_and_it_is_told(monkeypatch):
    words = WordTokenizer.train([record["text"] for record in RECORDS])
    made = text_classifier(replace(PROFILES["lstm"], steps=2), corpus(RECORDS, RECORDS), tokenizer=words, quiet=True)
    texts, told = [record["text"] for record in RECORDS[:9]], []
    whole = made.probabilities(texts)
    monkeypatch.setattr(module, "TOGETHER", 4)
    np.testing.assert_allclose(made.probabilities(texts, lambda *now: told.append(now)), whole, atol=1e-6)
    assert told == [(4, 9), (8, 9), (9, 9)]
    with pytest.raises(LmbookError):
        made.probabilities([])
