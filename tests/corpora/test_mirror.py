from __future__ import annotations

import hashlib

import pytest

from lmbook.corpora.mirror import fetch_mirrored, mirror
from lmbook.errors import LmbookError


def test_the_value_is_checked(tmp_path, monkeypatch):
    monkeypatch.delenv("LMBOOK_MIRROR", raising=False)
    assert mirror() is None
    for value in (str(tmp_path), "http://example.org/data", "https://example.org"):
        monkeypatch.setenv("LMBOOK_MIRROR", value)
        assert mirror() == value
    for value in (str(tmp_path / "nothing"), "ftp://example.org"):
        monkeypatch.setenv("LMBOOK_MIRROR", value)
        with pytest.raises(LmbookError, match="neither a folder nor an http address"):
            mirror()


@pytest.mark.parametrize("over_http", [False, True])
def test_a_name_in_chinese(server, tmp_path, over_http):
    data = "唐诗".encode()
    name = "poetry/唐诗 三百首.json"
    (tmp_path / "m" / "poetry").mkdir(parents=True)
    (tmp_path / "m" / name).write_bytes(data)
    server.files[f"m/{name}"] = data
    place = f"{server.url}/m" if over_http else str(tmp_path / "m")
    counted = []
    target = fetch_mirrored(
        place, name, tmp_path / "out", size=6, sha256=hashlib.sha256(data).hexdigest(), advance=counted.append
    )
    assert target.read_bytes() == data and sum(counted) == 6
