from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.bert import BERT, BERTConfig
from lmbook.tokenizers.word_piece import WordPieceTokenizer
from lmbook.topics.privacy import minilm_tagger
from lmbook.topics.privacy.minilm_tagger import MiniLMTagger, with_other_values
from lmbook.topics.privacy.scrubber import Scrubber, token_places

NAMES = ["Ann Lee", "Bob Ray", "Eve Sun", "Kim Day"]
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "my", "name", "is", ",", "thank", "you", "ann", "bob", "e"]
PIECES += ["##ve", "kim", "lee", "ray", "sun", "day"]


def records():
    return [
        {"text": f"My name is {name},\nthank you", "spans": [{"type": "PERSON", "start": 11, "end": 11 + len(name)}]}
        for name in NAMES
    ]


@pytest.fixture(scope="module")
def tagger():
    """Trained on a BERT in the place of MiniLM that is small enough for a test."""
    config = BERTConfig(len(PIECES), 16, 32, num_heads=2, num_layers=2, max_sequence_length=256, stddev=0.2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minilm_tagger, "load_minilm", lambda: (BERT(config), WordPieceTokenizer(PIECES)))
        patch.setattr(minilm_tagger, "LEARNING_RATE", 2e-2)
        patch.setattr(minilm_tagger, "TOKENS_PER_BATCH", 64)
        return MiniLMTagger(records(), epochs=40)


def test_it_learns_where_a_name_is(tagger):
    text = "My name is Eve Ray,\nthank you"  # "Eve" has two pieces, the line break is none of the vocabulary
    assert tagger.tag(text, token_places(text)) == ["O", "O", "O", "B-PERSON", "I-PERSON", "O", "O", "O", "O"]
    assert Scrubber(tagger).scrub(text) == "My name is [PERSON],\nthank you"
    assert tagger.tag("", []) == []


def test_each_token_gets_one_tag_also_in_a_text_too_long_for_one_row(tagger):
    text = "My name is Eve Ray,\nthank you § " * 60
    tags = tagger.tag(text, token_places(text))
    assert len(tags) == len(token_places(text))
    assert tags[:9] == tagger.tag(text, token_places(text)[:9])


def test_padding_does_not_change_what_a_token_gets(tagger):
    ids, segments = [[2, 5, 6, 7, 11, 16, 3]], [[0, 1, 0, 0, 1, 1, 0]]
    wide = [np.pad(np.array(part), ((0, 0), (0, 9))) for part in (ids, segments)]
    short = tagger.model((np.array(ids), np.array(segments)))
    np.testing.assert_allclose(tagger.model(tuple(wide))[:, :7], short, atol=1e-5)


def test_other_values_stand_where_their_spans_say():
    made = with_other_values(records(), times=5, seed=1)
    values = [r["text"][r["spans"][0]["start"] : r["spans"][0]["end"]] for r in made]
    assert len(made) == 20 and set(values) == set(NAMES) and values != NAMES * 5
    assert all(r["text"] == f"My name is {value},\nthank you" for r, value in zip(made, values, strict=True))


def test_errors_say_what_to_do(monkeypatch):
    with pytest.raises(LmbookError, match="no text"):
        MiniLMTagger([])

    def missing():
        raise LmbookError("MiniLM is not installed.", "pip install it")

    monkeypatch.setattr(minilm_tagger, "load_minilm", missing)
    with pytest.raises(LmbookError, match="not installed"):
        MiniLMTagger(records())
