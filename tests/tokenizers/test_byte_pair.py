import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.tokenizers.byte_pair import BytePairTokenizer, byte_characters

TOKENIZER = BytePairTokenizer.train(["the <end> of the <end> <pad> thing; the thing 你好你好 \n\n  there"] * 3)


@settings(deadline=None, derandomize=True, max_examples=500)
@given(text=st.text())
def test_every_text_comes_back(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "<end>",
        "<pad><unk><end>",
        "\x00",
        "\x7f\x85\xa0",
        "\r\n\r",
        "\u2028",
        "\ufeffa",
        "\U0010ffff",
        "e\u0301",
        "  a  ",
    ],
)
def test_peculiar_texts_come_back(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text
    assert not {0, 1, 2} & set(TOKENIZER.encode(text))


def test_every_byte_is_a_token():
    assert sorted(byte_characters()) == list(range(256)) and len(set(byte_characters().values())) == 256
    assert set(byte_characters().values()) <= set(TOKENIZER.tokens)


def test_merges_make_frequent_words_short():
    assert [TOKENIZER.tokens[id] for id in TOKENIZER.encode(" the thing")] == ["Ġthe", "Ġthing"]
    assert len(TOKENIZER.encode("xq")) == 2


def test_no_pair_that_occurs_once_is_merged():
    assert BytePairTokenizer.train(["abcd efgh"]).merges == []


def test_a_cut_character_is_shown_as_such():
    ids = TOKENIZER.encode("é")
    assert TOKENIZER.decode(ids[:1]) == "\ufffd"


def test_room_for_the_bytes_is_asked_for():
    assert BytePairTokenizer.train(["aaaa"], 259).vocabulary_size == 259
    with pytest.raises(LmbookError, match="258.*259"):
        BytePairTokenizer.train(["aaaa"], 258)


@pytest.mark.parametrize("signs", ["ACGT", "=", " ", "\n", "打开关闭"])
def test_what_has_no_spaces_is_learned_in_seconds(signs):
    draw = random.Random(0)
    text = "a" + "".join(draw.choices(signs, k=100_000)) + "b"  # the square of it would take a quarter of a minute
    start = time.process_time()
    tokenizer = BytePairTokenizer.train([text], 400)
    ids = tokenizer.encode(text)
    assert time.process_time() - start < 5
    assert len(ids) < len(text.encode()) / 2 and tokenizer.decode(ids) == text


def test_pieces_of_the_usual_length_are_learned_as_they_are(monkeypatch):
    text = "the thing that thinks, 你好你好 and so on 12345 " * 9
    before = BytePairTokenizer.train([text], 300)
    monkeypatch.setattr("lmbook.tokenizers.byte_pair.LONGEST_PIECE", 10**6)
    assert BytePairTokenizer.train([text], 300).fingerprint == before.fingerprint
