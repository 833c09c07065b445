import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.privacy.sequence_tagger import SequenceTagger, best_path, spans_of

SENTENCES = [["my", "name", "is", "ann", "lee"], ["is", "bob", "here"], ["my", "name", "is", "bob", "ray"]] * 3
TAGS = [["O", "O", "O", "B-P", "I-P"], ["O", "B-P", "O"], ["O", "O", "O", "B-P", "I-P"]] * 3


def features(words):
    return [[f"w={w}", f"before={b}"] for b, w in zip(["", *words], words, strict=False)]


def test_learns_from_a_few_sentences_and_uses_the_context():
    tagger = SequenceTagger([features(s) for s in SENTENCES], TAGS, epochs=5)
    assert tagger.tag(features(["my", "name", "is", "eve", "lee"])) == ["O", "O", "O", "B-P", "I-P"]
    assert tagger.tag([]) == []


def test_a_span_never_goes_on_from_nothing():
    tagger = SequenceTagger([features(s) for s in SENTENCES], TAGS, epochs=1)
    for words in (["lee", "lee"], ["ray", "is", "lee"]):
        tags = ["O", *tagger.tag(features(words))]
        assert not any(b == "I-P" and a == "O" for a, b in zip(tags, tags[1:], strict=False))


def test_best_path_weighs_the_whole_sequence():
    tags = ["B-P", "I-P", "O"]
    scores = np.array([[1.0, 9.0, 1.5], [0.0, 2.0, 1.0]])  # I-P is best at both, but nothing begins there
    assert best_path(scores, tags).tolist() == [0, 1]
    assert best_path(scores, tags, np.array([[0, -3, 0], [0, 0, 0], [0, 0, 0]])).tolist() == [2, 2]


def test_spans_of_tags():
    assert spans_of(["O", "B-A", "I-A", "B-A", "B-C", "O"]) == [("A", 1, 3), ("A", 3, 4), ("C", 4, 5)]


def test_tags_must_fit():
    with pytest.raises(LmbookError):
        SequenceTagger([[["a"]]], [["O", "O"]])
