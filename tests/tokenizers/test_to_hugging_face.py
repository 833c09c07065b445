"""The library behind Hugging Face's tokenizers reads our files and gives our ids, for every text."""

from __future__ import annotations

import json

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.tokenizers.gpt2 import END, GPT2Tokenizer
from lmbook.tokenizers.sentence_piece import BYTES, SPECIAL, SentencePieceTokenizer
from lmbook.tokenizers.to_hugging_face import tokenizer_files
from lmbook.tokenizers.word import WordTokenizer

PAIRS = BytePairTokenizer.train(["a green tree stands"] * 9, vocabulary_size=280)
PIECES = [" ", "e", "t", "r", "tr", "ee", "tree", " tree", "  "]
KINDS = [
    CharacterTokenizer.train(["a green tree\r\nstands's <unk>pade|\x00 绿树"]),
    PAIRS,
    GPT2Tokenizer([*PAIRS.tokens[3:], END], PAIRS.merges),
    SentencePieceTokenizer([*SPECIAL, *BYTES, *PIECES], [0.0] * 259 + [-float(n) for n in range(len(PIECES))]),
]


@pytest.mark.parametrize("tokenizer", KINDS, ids=lambda tokenizer: tokenizer.kind)
def test_the_same_ids_and_the_same_text_back(tokenizer):
    files = tokenizer_files(tokenizer, 64)
    library = tokenizers.Tokenizer.from_str(json.dumps(files["tokenizer.json"]))

    @settings(max_examples=200, deadline=None)
    @given(st.text() | st.text(alphabet="a gretn'\n<unk>pad|絵 \u3000"))
    def check(text):
        ids = tokenizer.encode(text)
        assert library.encode(text, add_special_tokens=False).ids == ids
        assert library.encode(text).ids == [tokenizer.end_id, *ids]
        assert library.decode(ids, skip_special_tokens=False) == tokenizer.decode(ids)

    check()


def test_the_special_tokens_are_named():
    config = tokenizer_files(KINDS[0], 64)["tokenizer_config.json"]
    names = {name: config[f"{name}_token"] for name in ("bos", "eos", "pad", "unk")}
    assert names == {"bos": "<end>", "eos": "<end>", "pad": "<pad>", "unk": "<unk>"}
    assert config["model_max_length"] == 64


def test_words_have_no_counterpart():
    with pytest.raises(LmbookError, match="kind 'word' has no counterpart") as caught:
        tokenizer_files(WordTokenizer.train(["a green tree"]), 64)
    assert "--tokenizer byte_pair" in caught.value.fix
