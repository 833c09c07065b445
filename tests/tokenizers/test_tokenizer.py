import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.tokenizers.registry import KINDS, load_tokenizer, train_tokenizer
from lmbook.tokenizers.tokenizer import SpecialIds

TEXTS = ["A green tree stands. It's tall — isn't it?\n", '小明说：“你好！”\nUn été, "naïve" <end>.', "aaa bb <pad>"]
SIZES = {"character": 20, "word": 15, "byte_pair": 262}
TOKENIZERS = {kind: train_tokenizer(kind, TEXTS) for kind in KINDS}
TRICKY = list("ab1 \n\"'’-—…·.,(“”‘[你か。：「」=<_") + [
    "\u0301",
    "\u3099",
    "\u0338",
    "\ud83d",
    "\u2010",
    "Σ",
    "İ",
    "\u3000",
]
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text(st.sampled_from(TRICKY))  # surrogates' halves too

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_special_tokens_come_first(kind):
    tokenizer = TOKENIZERS[kind]
    assert tokenizer.tokens[:3] == ["<pad>", "<unk>", "<end>"]
    assert (tokenizer.pad_id, tokenizer.unknown_id, tokenizer.end_id) == (0, 1, 2)
    assert tokenizer.kind == kind and tokenizer.vocabulary_size == len(tokenizer.tokens)


@every_kind
@settings(deadline=None, derandomize=True)
@given(text=ANY_TEXT | st.sampled_from(["<end>", "<pad> <unk>", "\x00", "\r\n", "\x1c a", "a\u200db"]))
def test_any_text_is_encoded_without_padding_or_ends(kind, text):
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(text)
    assert all(isinstance(id, int) and 0 < id < tokenizer.vocabulary_size and id != tokenizer.end_id for id in ids)
    again, normal = tokenizer.decode(ids), tokenizer.normalize(text)
    if tokenizer.unknown_id not in ids:
        assert again == normal
        return
    # What is known comes back in its order, with <unk> in the places of the rest; spaces beside those may differ.
    known = "".join(again.split(" ")).split("<unk>")
    assert len(known) == 1 + ids.count(tokenizer.unknown_id)
    place, letters = 0, "".join(normal.split(" "))
    for part in known:
        found = letters.find(part, place)
        assert found >= 0
        place = found + len(part)
    assert letters.startswith(known[0]) and letters.endswith(known[-1])


@every_kind
@settings(deadline=None, derandomize=True)
@given(text=ANY_TEXT)
def test_normal_form_stays_and_has_the_same_ids(kind, text):
    tokenizer = TOKENIZERS[kind]
    normal = tokenizer.normalize(text)
    assert tokenizer.normalize(normal) == normal
    assert tokenizer.encode(normal) == tokenizer.encode(text)


@every_kind
@settings(deadline=None, derandomize=True)
@given(text=ANY_TEXT)
def test_text_of_known_tokens_comes_back_in_normal_form(kind, text):
    tokenizer = TOKENIZERS[kind] if kind == "byte_pair" else train_tokenizer(kind, [text, "a"])
    assert tokenizer.decode(tokenizer.encode(text)) == tokenizer.normalize(text)


@every_kind
def test_padding_and_ends_are_silent_and_the_unknown_is_shown(kind):
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode("a")
    assert tokenizer.decode([2, *ids, 0, 2, 0]) == tokenizer.normalize("a")
    assert tokenizer.decode([1]) == "<unk>"


@every_kind
@pytest.mark.parametrize("id", [-1, 100_000])
def test_ids_outside_the_vocabulary_are_named(kind, id):
    with pytest.raises(LmbookError, match=str(id)):
        TOKENIZERS[kind].decode([3, id])


@every_kind
@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_an_empty_text_is_refused(kind, texts):
    with pytest.raises(LmbookError, match="empty"):
        train_tokenizer(kind, texts)


@every_kind
@pytest.mark.parametrize("texts", ["a string", b"bytes", ""])
def test_one_string_is_not_taken_for_a_list_of_texts(kind, texts):
    with pytest.raises(LmbookError, match="one string") as caught:
        train_tokenizer(kind, texts, 512)
    assert "[text]" in caught.value.fix


@pytest.mark.parametrize("ids", [SpecialIds(), TOKENIZERS["word"], TOKENIZERS["byte_pair"]])
def test_special_ids_and_a_tokenizer_have_the_same_attributes(ids):
    assert (ids.pad_id, ids.unknown_id, ids.end_id, ids.first_id, ids.suppress_ids) == (0, 1, 2, 2, (0, 1))


def test_special_ids_of_ones_own():
    ids = SpecialIds(pad_id=7, unknown_id=3, end_id=5)
    assert (ids.first_id, ids.suppress_ids) == (5, (3, 7))
    assert SpecialIds(first_id=9).first_id == 9 and SpecialIds(4, 4, 4).suppress_ids == ()
    with pytest.raises(AttributeError):
        ids.pad_id = 0


@every_kind
@pytest.mark.parametrize("size", [-1, 0, 3])
def test_a_vocabulary_without_room_is_refused(kind, size):
    with pytest.raises(LmbookError, match=rf"vocabulary_size is {size}.*Choose at least"):
        train_tokenizer(kind, TEXTS, size)


@every_kind
def test_the_vocabulary_size_is_kept(kind):
    assert train_tokenizer(kind, TEXTS * 5, SIZES[kind]).vocabulary_size == SIZES[kind]


@every_kind
def test_training_twice_gives_the_same_file(kind, tmp_path):
    first = train_tokenizer(kind, TEXTS, SIZES[kind])
    second = train_tokenizer(kind, iter(list(TEXTS)), SIZES[kind])
    assert first.save(tmp_path / "a.json").read_bytes() == second.save(tmp_path / "b.json").read_bytes()
    assert first.fingerprint == second.fingerprint != TOKENIZERS[kind].fingerprint


@every_kind
def test_a_saved_tokenizer_comes_back(kind, tmp_path):
    path = TOKENIZERS[kind].save(tmp_path / "deep" / "tokenizer.json")
    loaded = load_tokenizer(path)
    assert type(loaded) is KINDS[kind] and loaded.tokens == TOKENIZERS[kind].tokens
    assert loaded.fingerprint == TOKENIZERS[kind].fingerprint
    for text in TEXTS:
        assert loaded.encode(text) == TOKENIZERS[kind].encode(text)
    assert [file.name for file in path.parent.iterdir()] == ["tokenizer.json"]


@every_kind
def test_the_fingerprint_is_of_the_saved_bytes(kind, tmp_path):
    path = TOKENIZERS[kind].save(tmp_path / "tokenizer.json")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == TOKENIZERS[kind].fingerprint


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
    path = TOKENIZERS["word"].save(tmp_path / "tokenizer.json")
    with pytest.raises(LmbookError, match="'word', not 'character'"):
        KINDS["character"].load(path)


def damaged(path: Path, **changes):
    content = json.loads(path.read_text(encoding="utf-8"))
    for name, value in changes.items():
        if value is None:
            del content[name]
        else:
            content[name] = value
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "not a tokenizer"),
        ({"version": 2}, "version 2"),
        ({"version": None}, "version None"),
        ({"kind": "sentence"}, "kind 'sentence'"),
        ({"kind": None}, "damaged"),
        ({"tokens": None}, "damaged"),
        ({"tokens": ["<pad>", "<unk>", "a"]}, "damaged"),
        ({"tokens": ["<pad>", "<unk>", "<end>", 4]}, "damaged"),
        ({"tokens": ["<pad>", "<unk>", "<end>", "a", "a"]}, "damaged"),
        ({"merges": [["a"]]}, "damaged"),
    ],
)
@every_kind
def test_a_damaged_file_is_named(kind, changes, message, tmp_path):
    path = TOKENIZERS[kind].save(tmp_path / "tokenizer.json")
    damaged(path, **changes)
    with pytest.raises(LmbookError, match=message) as caught:
        load_tokenizer(path)
    assert caught.value.fix and "tokenizer.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[]", b"3"])
def test_a_file_that_is_no_tokenizer_is_refused(content, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(LmbookError):
        load_tokenizer(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LmbookError, match="none.json"):
        load_tokenizer(tmp_path / "none.json")


def test_an_unknown_kind_is_named():
    with pytest.raises(LmbookError, match="'syllable'.*character, word, byte_pair"):
        train_tokenizer("syllable", TEXTS)
