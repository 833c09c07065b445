import pytest

from lmbook.tokenizers.character import CharacterTokenizer


def test_frequent_characters_come_first_and_ties_by_code_point():
    assert CharacterTokenizer.train(["bab", "dc"]).tokens[3:] == ["b", "a", "c", "d"]
    assert CharacterTokenizer.train(["bab", "dc"], 5).tokens[3:] == ["b", "a"]


@pytest.mark.parametrize("text", ["A\r\n  b\t", "é e\u0301", "你好\u3000！", "\x00\U0001f600"])
def test_the_text_is_taken_as_it_is(text):
    tokenizer = CharacterTokenizer.train([text])
    assert len(tokenizer.encode(text)) == len(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_unknown_characters_are_shown():
    tokenizer = CharacterTokenizer.train(["abc"])
    assert tokenizer.decode(tokenizer.encode("aXb")) == "a<unk>b"
