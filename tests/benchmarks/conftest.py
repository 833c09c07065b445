from __future__ import annotations

import importlib

import pytest


@pytest.fixture
def benchmark_module(root, monkeypatch):
    """Function of a script's name in benchmarks/ -> its module, imported as the script would import its neighbours."""
    monkeypatch.syspath_prepend(root / "benchmarks")
    return importlib.import_module
