from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.tokenizers.registry import load_tokenizer
from lmbook.tokenizers.word_piece import WordPieceTokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##want", "##ed", "runn", "##ing", ",", "the", "天", "气"]
SMALL = WordPieceTokenizer(TOKENS)


def longest_first(word):
    """The ids of a word by the rule of the paper: the longest piece that fits, again and again."""
    ids, start = [], 0
    while start < len(word):
        ends = (end for end in range(len(word), start, -1) if ("##" if start else "") + word[start:end] in TOKENS)
        end = next(ends, None)
        if end is None:
            return [1]
        ids.append(TOKENS.index(("##" if start else "") + word[start:end]))
        start = end
    return ids


@settings(deadline=None, derandomize=True)
@given(words=st.lists(st.lists(st.sampled_from(["un", "want", "ed", "runn", "ing", "the", "x"]), min_size=1)))
def test_pieces_are_the_longest_that_fit(words):
    words = ["".join(word) for word in words]
    assert SMALL.encode(" ".join(words)) == [id for word in words for id in longest_first(word)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Unwanted,running", ["un", "##want", "##ed", ",", "runn", "##ing"]),
        ("ÜNWANTÉD", ["un", "##want", "##ed"]),
        ("the天气", ["the", "天", "气"]),
        ("theory the", ["[UNK]", "the"]),
        ("", []),
    ],
)
def test_letters_lose_case_and_accents(text, tokens):
    assert [TOKENS[id] for id in SMALL.encode(text)] == tokens


def test_places_are_those_of_the_text_as_it_was():
    text = "Ünwantéd,  the天x"
    pieces = [text[first:last] for first, last in SMALL.places(text)]
    assert pieces == ["Ün", "want", "éd", ",", "the", "天", "x"] and len(SMALL.encode(text)) == 7


@settings(deadline=None, derandomize=True)
@given(text=st.text() | st.sampled_from(["[CLS]", "the [SEP]", "[MASK][PAD]", "\ud83d"]))
def test_no_text_spells_a_special_token(text):
    ids = SMALL.encode(text)
    assert not {0, 2, 3, 4} & set(ids)
    assert isinstance(SMALL.decode(ids), str)


def test_decoding_joins_the_pieces():
    text = "The UNWANTED,  running"
    assert SMALL.decode([2, *SMALL.encode(text), 3, 0]) == SMALL.normalize(text) == "the unwanted , running"
    assert SMALL.decode([4, 1]) == "[MASK] [UNK]"


def test_read_saved_and_loaded(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    read = WordPieceTokenizer.from_file(tmp_path / "vocab.txt")
    again = load_tokenizer(read.save(tmp_path / "tokenizer.json"))
    assert type(again) is WordPieceTokenizer and again.fingerprint == SMALL.fingerprint
    assert (again.pad_id, again.unknown_id, again.first_id, again.end_id, again.mask_id) == (0, 1, 2, 3, 4)
    assert again.suppress_ids == (0, 1)


def test_another_vocabulary_is_refused(tmp_path):
    with pytest.raises(LmbookError, match=r"lacks \[CLS\], \[SEP\]"):
        WordPieceTokenizer(["[PAD]", "[UNK]", "[MASK]"])
    with pytest.raises(LmbookError, match="twice"):
        WordPieceTokenizer([*TOKENS, "the"])
    with pytest.raises(LmbookError, match="none.txt"):
        WordPieceTokenizer.from_file(tmp_path / "none.txt")
