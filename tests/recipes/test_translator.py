from __future__ import annotations

from dataclasses import replace

import pytest

from lmbook.corpora.corpus import Corpus
from lmbook.corpora.greentree import tell_stories
from lmbook.corpora.splits import split_pairs
from lmbook.recipes import translator as module
from lmbook.recipes.translator import SentenceTranslatorProfile, sentence_translator, translator_config

TINY = SentenceTranslatorProfile(
    "tiny", steps=2, vocabulary_size=600, num_layers=1, tokens_per_batch=128, max_length=16
)


@pytest.fixture(scope="module")
def corpus():
    sentences = [(s.english.split(".")[0] + ".", s.chinese.split("。")[0] + "。") for s in tell_stories(400, 30)]
    pairs = [{"source": source, "target": target} for source, target in dict.fromkeys(sentences)]
    return Corpus("tiny", "translation", "en-zh", split_pairs(pairs))


@pytest.fixture(scope="module")
def twice(corpus, tmp_path_factory):
    """What two calls with the same folder give."""
    folder = tmp_path_factory.mktemp("run")
    return tuple(sentence_translator(TINY, corpus, output=folder, quiet=True) for _ in range(2))


def test_a_trained_model_is_loaded_and_not_trained_again(twice, assert_loaded_and_not_trained_again):
    assert_loaded_and_not_trained_again(*twice)
    assert twice[0].history.validation_loss


def test_the_parts_stay_apart_and_the_tokenizer_is_of_the_training_part(corpus, twice):
    made, _ = twice
    assert made.train == corpus.split("train") and set(map(str, made.test)) == set(map(str, corpus.split("test")))
    assert made.model.config.vocabulary_size == made.tokenizer.vocabulary_size <= 600
    assert made.model.config.max_sequence_length == 32
    pairs = made.pairs(made.test)
    assert pairs.context <= 16 and pairs.left_out < len(made.test)


def test_pairs_that_are_left_out_are_counted(corpus, monkeypatch, capsys):
    monkeypatch.setattr(module, "train_translator", lambda *arguments, **options: None)
    made = sentence_translator(replace(TINY, max_length=8), corpus)
    left_out = made.pairs(made.train).left_out
    told = f"{left_out:,} of {len(made.train):,} pairs for train have a side of more than 7 tokens"
    assert left_out and told in capsys.readouterr().out


def test_the_configuration_can_be_changed_in_part():
    usual, changed = translator_config(50), translator_config(50, num_heads=2)
    assert (usual.num_heads, changed.num_heads) == (4, 2) and usual.hidden_dim == changed.hidden_dim == 128
