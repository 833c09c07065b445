from __future__ import annotations

import pytest

from lmbook.corpora.corpus import Corpus
from lmbook.errors import LmbookError


def test_texts_of_running_text():
    corpus = Corpus(
        "c", "text_classification", "en", {"train": [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]}
    )
    assert corpus.texts("train") == ["a", "b"]


def test_texts_of_pairs_are_the_distinct_sources():
    pairs = [{"source": "Run!", "target": "Cours !"}, {"source": "Run!", "target": "Courez !"}]
    assert Corpus("c", "translation", "en-fr", {"train": pairs}).texts("train") == ["Run!"]


def test_a_task_without_running_text_says_so():
    with pytest.raises(LmbookError, match='"c" is for question answering: it has no running text'):
        Corpus("c", "question_answering", "en", {"test": [{"question": "?"}]}).texts("test")


def test_a_missing_split_names_those_there_are():
    corpus = Corpus("c", "language_modelling", "en", {"train": [], "validation": []})
    with pytest.raises(LmbookError, match='no split "test".*train, validation'):
        corpus.texts("test")
    with pytest.raises(LmbookError, match='no split "test"'):
        corpus.split("test")
