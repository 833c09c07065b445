from __future__ import annotations

import pytest

from lmbook.corpora.cache import cache_dir, corpus_folder
from lmbook.errors import LmbookError


def test_lmbook_home_is_used_and_not_created(tmp_path, monkeypatch):
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "home" and not cache_dir().exists()
    assert corpus_folder("kjv") == tmp_path / "home" / "corpora" / "kjv"


def test_the_default_is_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("LMBOOK_HOME", raising=False)
    assert "lmbook" in cache_dir().name.lower() and cache_dir().is_absolute()


def test_a_home_that_is_a_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path / "file"))
    with pytest.raises(LmbookError, match="LMBOOK_HOME.*not a folder"):
        cache_dir()
