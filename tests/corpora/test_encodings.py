from __future__ import annotations

from pathlib import Path

import pytest

from lmbook.corpora.encodings import decode_text
from lmbook.errors import LmbookError

STORY = "A green tree stands on the hill.\nA bird sings in it.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_says_its_encoding_is_read(encoding):
    assert decode_text(f"{STORY}绿树".encode(encoding), Path("a.txt")) == f"{STORY}绿树"


def test_two_byte_order_marks_are_none_of_the_text():
    assert decode_text("\ufeff\ufeffa".encode(), Path("a.txt")) == "a"


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        ("Le café coûte 3 €.", "cp1252", r"cp1252 \('Le café coûte 3 €\.'\)"),
        ("绿树站在山上，小鸟在唱歌。价格是三元。", "gb18030", r"gb18030 \('绿树站在山上，小鸟在唱歌。价格是三元。'\)"),
        ("Зелёное дерево стоит на холме.", "cp1251", r"cp1251 \('Зелёное дерево стоит на холме\.'\)"),
        ("푸른 나무가 언덕에 서 있다.", "euc_kr", r"cp949 \('푸른 나무가 언덕에 서 있다\.'\)"),
    ],
)
def test_the_advice_for_another_encoding_shows_how_the_text_would_read(text, encoding, named):
    with pytest.raises(LmbookError, match=named) as error:
        decode_text((STORY + f"{text}\n" * 8).encode(encoding), Path("a.txt"))
    assert "(line 3)" in error.value.message and "iconv -f " in error.value.fix


@pytest.mark.parametrize(("encoding", "named"), [("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")])
@pytest.mark.parametrize("more", ["", "绿树站在山上\n" * 20])
def test_utf_16_without_a_mark_is_called_so(encoding, named, more):
    with pytest.raises(LmbookError, match="UTF-16 without a byte order mark") as error:
        decode_text((STORY + more).encode(encoding), Path("a.txt"))
    assert named in error.value.fix


def test_a_zero_byte_is_still_binary():
    for data in (b"text\0more", b"text\0mor", b"\0" * 100):
        with pytest.raises(LmbookError, match="is binary"):
            decode_text(data, Path("a.bin"))


def test_damaged_utf_16_is_named():
    with pytest.raises(LmbookError, match="damaged text in UTF-16, at offset"):
        decode_text(b"\xff\xfeabc", Path("a.txt"))
