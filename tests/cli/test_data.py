from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app


def lmbook(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def test_list_and_info_show_what_the_cards_say():
    listed = lmbook("data", "list").output
    assert "tiny_shakespeare" in listed and "greentree" in listed and "MIT" in listed
    shown = lmbook("data", "info", "tiny_shakespeare").output
    assert "sha256" in shown and "licence" in shown and "https://" in shown


def test_get_and_verify_from_a_mirror(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("LMBOOK_MIRROR", mirror)
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path))
    missing = lmbook("data", "verify", "tiny_shakespeare")
    assert missing.exit_code == 2 and "lmbook data get tiny_shakespeare" in missing.output
    got = lmbook("data", "get", "tiny_shakespeare")
    assert got.exit_code == 0 and "checked" in got.output
    assert lmbook("data", "verify", "tiny_shakespeare").exit_code == 0
    assert "available" in lmbook("data", "list").output
    [text] = tmp_path.rglob("input.txt")
    text.write_bytes(b"X" + text.read_bytes()[1:])
    assert lmbook("data", "verify", "tiny_shakespeare").exit_code == 2


@pytest.mark.parametrize("command", ["info", "get", "verify"])
def test_an_unknown_name_offers_the_nearest(command):
    result = lmbook("data", command, "tiny_shakespear")
    assert result.exit_code == 2 and "tiny_shakespeare" in result.output


def test_of_several_names_none_is_fetched_before_all_are_known(monkeypatch):
    fetched = []
    monkeypatch.setattr("lmbook.corpora.download.get", lambda name: fetched.append(name) or [Path(name)])
    assert lmbook("data", "get", "kjv", "nosuch").exit_code == 2 and not fetched
    assert lmbook("data", "get", "greentree", "kjv", "xquad").exit_code == 0 and fetched == ["kjv", "xquad"]


def test_the_built_in_corpus_has_a_card_and_is_verified():
    assert "train 6,000" in lmbook("data", "info", "greentree").output
    assert lmbook("data", "get", "greentree_zh").exit_code == 0
    assert "all right" in lmbook("data", "verify", "greentree").output
