from __future__ import annotations

import re
from importlib import import_module
from urllib.parse import unquote, urlsplit

import pytest

from lmbook.corpora.card import BUILT_IN, cards, find_card
from lmbook.errors import LmbookError

NEEDED = (
    "tiny_shakespeare makemore_names chinese_poetry sms_spam rt_polarity tatoeba_eng_fra tatoeba_eng_cmn babi_10k "
    "xquad instructions_rasbt fsdd crows_pairs winobias xstest stories260K kjv glove_50d minilm gpt2_byte_pairs"
).split()
SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")


def test_the_catalogue_has_what_the_book_uses():
    assert set(NEEDED) <= set(cards()) and not set(BUILT_IN) & set(cards())


@pytest.mark.parametrize("card", cards().values(), ids=lambda card: card.name)
def test_a_card_is_complete(card):
    for field in ("title", "task", "language", "unit", "split_rule", "licence", "attribution", "citation", "source"):
        assert getattr(card, field).strip(), field
    assert card.examples == sum(card.splits.values()) + card.left_out
    assert card.left_out >= 0 and all(count > 0 for count in card.splits.values())
    assert card.bytes == sum(file.bytes for file in card.files)
    assert len({file.path for file in card.files}) == len(card.files) > 0
    module, function = card.loader.split(":")
    assert callable(getattr(import_module(f"lmbook.corpora.{module}"), function))
    for file in (*card.files, *card.repacked):
        assert file.bytes > 0 and SHA256.fullmatch(file.sha256)
    for file in card.files:
        assert not file.path.startswith("/") and ".." not in file.path.split("/")


@pytest.mark.parametrize(
    "card", [card for card in cards().values() if card.kind == "download"], ids=lambda card: card.name
)
def test_addresses_are_pinned_to_a_commit(card):
    commit = COMMIT.search(card.source).group()
    for file in card.files:
        address = urlsplit(file.url)
        place = {"raw.githubusercontent.com": 3, "huggingface.co": 4}[address.netloc]  # /owner/name[/resolve]/commit
        assert address.scheme == "https" and address.path.split("/")[place] == commit
        assert file.url.isascii() and " " not in file.url
        assert unquote(address.path).endswith(file.path.split("/")[-1]) or card.name == "sms_spam"
    assert card.package is None
    gives = [path for packed in card.repacked for path in packed.gives]
    assert len(gives) == len(set(gives)) and set(gives) <= {file.path for file in card.files}
    assert all(packed.packing == "zip" or len(packed.gives) == 1 for packed in card.repacked)


@pytest.mark.parametrize(
    "card", [card for card in cards().values() if card.kind == "package"], ids=lambda card: card.name
)
def test_package_cards_name_what_pip_installs(card):
    assert re.fullmatch(r"[A-Za-z0-9-]+==[0-9.]+", card.package.requirements[0])
    assert card.package.requirements[0].split("==")[0].replace("-", "_") == card.package.module
    assert not card.repacked and not any(file.url for file in card.files)


def test_the_recordings_are_listed_one_by_one():
    card = find_card("fsdd")
    assert len(card.files) == 3000 and len(card.repacked) == 1 and len(card.repacked[0].gives) == 3000
    assert card.files[0].path == "recordings/0_george_0.wav" and card.files[0].url.endswith(
        "/recordings/0_george_0.wav"
    )


def test_cards_cannot_be_changed_by_a_caller():
    cards().clear()
    assert cards()


def test_the_nearest_name_is_offered():
    with pytest.raises(LmbookError, match='Did you mean "sms_spam"'):
        find_card("sms-spam")
    with pytest.raises(LmbookError, match='Did you mean "greentree"'):
        find_card("green_tree")
