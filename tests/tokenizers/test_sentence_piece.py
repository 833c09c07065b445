from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.tokenizers.registry import load_tokenizer
from lmbook.tokenizers.sentence_piece import BYTES, SPECIAL, SentencePieceTokenizer

PIECES = [" a", "ab", " ab", "ba", "aba", "aa", " b", "bb", "abab", " ", "a", "b"]
TOKENS = [*SPECIAL, *BYTES, *PIECES]
SMALL = SentencePieceTokenizer(TOKENS, [0.0] * 259 + [-float(place) for place in range(len(PIECES))])
IDS = {token: id for id, token in enumerate(TOKENS)}


def by_hand(text):
    """The definition: of all neighbours that make a piece, merge those with the highest score, leftmost first."""
    parts = list(" " + text)
    while True:
        joined = [left + right for left, right in zip(parts, parts[1:], strict=False)]
        pairs = [(PIECES.index(piece), place) for place, piece in enumerate(joined) if piece in PIECES]
        if not pairs:
            break
        _, place = min(pairs)
        parts[place : place + 2] = ["".join(parts[place : place + 2])]
    return [id for part in parts for id in ([IDS[part]] if part in IDS else [3 + byte for byte in part.encode()])]


@settings(deadline=None, derandomize=True, max_examples=500)
@given(text=st.text(st.sampled_from("aab b é"), min_size=1))
def test_pieces_are_merged_by_score(text):
    assert SMALL.encode(text) == by_hand(text)


@settings(deadline=None, derandomize=True)
@given(text=st.text() | st.sampled_from(["<s>", "<0x0A>", "</s><unk>", "  a  ", "\n", "\x00"]))
def test_every_text_comes_back_and_none_spells_a_special_token(text):
    ids = SMALL.encode(text)
    assert SMALL.decode([1, *ids, 1]) == text and not {0, 1, 2} & set(ids)


def test_a_long_text_without_spaces_takes_no_time():
    assert SMALL.decode(SMALL.encode("ab" * 100_000)) == "ab" * 100_000


def test_saved_and_loaded(tmp_path):
    again = load_tokenizer(SMALL.save(tmp_path / "tokenizer.json"))
    assert type(again) is SentencePieceTokenizer and again.fingerprint == SMALL.fingerprint
    assert again.encode("abba baab") == SMALL.encode("abba baab")
    assert again.suppress_ids == (0,) and again.end_id == again.first_id == 1


@pytest.mark.parametrize("tokens", [TOKENS[1:], [*TOKENS, "a"], TOKENS[:-1]])
def test_another_vocabulary_is_refused(tokens):
    with pytest.raises(LmbookError, match="Give the tokenizer of a Llama 2 model"):
        SentencePieceTokenizer(tokens, SMALL.scores)
