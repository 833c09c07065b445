from __future__ import annotations

import sys

import pytest

from lmbook.corpora.card import Package
from lmbook.corpora.download import get, status, verify
from lmbook.corpora.packages import package_folder
from lmbook.errors import LmbookError

DATA = b"in the beginning"


@pytest.fixture
def shipped(catalogue, new_card, home):
    """A card of a package that is not installed yet."""
    package = Package("made_up_package_1", ("made-up-package-1==0.1", "helper"))
    card = new_card("shipped", "", {"data/text.txt": DATA}, kind="package", package=package)
    catalogue(card)
    return card


@pytest.fixture
def installed(shipped, tmp_path, monkeypatch):
    folder = tmp_path / "site" / "made_up_package_1"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('the package was imported')")
    (folder / "data" / "text.txt").write_bytes(DATA)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return folder


def test_a_missing_package_names_the_command(shipped):
    assert status("shipped") == "missing"
    for function in (get, verify):
        with pytest.raises(LmbookError, match="pip install --no-deps made-up-package-1==0.1 helper"):
            function("shipped")


def test_files_are_found_without_importing_the_package(installed, home):
    assert get("shipped") == [installed / "data" / "text.txt"]
    assert status("shipped") == "available" and verify("shipped") == [("data/text.txt", True, "ok")]
    assert "made_up_package_1" not in sys.modules and not home.exists()


def test_another_version_of_the_package_is_seen(installed):
    (installed / "data" / "text.txt").write_bytes(DATA.upper())
    ((_, right, message),) = verify("shipped")
    assert not right and "sha256" in message and "pip install" in message


def test_a_package_without_the_file_is_named(installed, shipped):
    (installed / "data" / "text.txt").unlink()
    with pytest.raises(LmbookError, match="made_up_package_1 has no data/text.txt.*pip install"):
        package_folder(shipped)
