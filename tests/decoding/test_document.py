from __future__ import annotations

import pytest

from lmbook.decoding import document
from lmbook.decoding.document import sentences, translate_lines
from lmbook.errors import LmbookError
from lmbook.tokenizers.word import WordTokenizer

LINES = ["One. Two three!", "", "  Four five six seven. Eight nine.  ", "One. Two three!", "   "]
TOKENIZER = WordTokenizer.train(LINES)


@pytest.fixture
def asked(monkeypatch):
    """What the model was asked to translate; a translation is the text in capitals."""
    batches = []

    def translate(model, tokenizer, texts, *, max_new_tokens, beams, batch_size):
        batches.append(list(texts))
        return [text.upper() for text in texts]

    monkeypatch.setattr(document, "translate", translate)
    return batches


def test_lines_stay_where_they_are_and_each_is_translated_once(asked):
    seen = []
    options = {
        "longest": 20,
        "max_new_tokens": 20,
        "batch_size": 1,
        "report": lambda done, total: seen.append((done, total)),
    }
    assert translate_lines(None, TOKENIZER, LINES, **options) == [
        "ONE. TWO THREE!", "", "FOUR FIVE SIX SEVEN. EIGHT NINE.", "ONE. TWO THREE!", ""
    ]  # fmt: skip
    assert asked == [["One. Two three!"], ["Four five six seven. Eight nine."]]
    assert seen == [(1, 2), (2, 2)]


def test_a_line_that_is_too_long_is_cut_where_sentences_end(asked):
    texts = translate_lines(None, TOKENIZER, LINES, longest=5, max_new_tokens=20)
    assert texts[2] == "FOUR FIVE SIX SEVEN. EIGHT NINE."
    assert asked == [["Eight nine.", "One. Two three!", "Four five six seven."]]  # by length; what fits stays together


def test_each_sentence_by_itself(asked):
    assert (
        translate_lines(None, TOKENIZER, LINES, longest=9, max_new_tokens=9, split_sentences=True)[0]
        == "ONE. TWO THREE!"
    )
    assert "One." in asked[0] and "Two three!" in asked[0]


def test_a_sentence_that_is_too_long_is_named(asked):
    with pytest.raises(LmbookError, match="Line 3 has a sentence of 5 tokens, and the model reads at most 4"):
        translate_lines(None, TOKENIZER, LINES, longest=4, max_new_tokens=20)
    assert not asked  # before anything is translated


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("它在这里。它说：“好。”它走了！", ["它在这里。", "它说：“好。”它走了！"]),
        ("3.5 is no end. Is it? No…", ["3.5 is no end.", "Is it?", "No…"]),
        ("  ", []),
    ],
)
def test_sentences(line, parts):
    assert sentences(line) == parts
    assert document._join(parts) == line.strip()
