"""Options and fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Programs that tests start import this checkout, whatever folder they run in.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
# XLA optimises its machine code for longer than the tests' small models run. Lessons are tested as readers run them.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


def pytest_addoption(parser):
    parser.addoption("--lessons", action="store_true", help="run every lesson's quick profile, not only lstm_baseline")
    parser.addoption("--kills", type=int, default=1, help="how often the runs of test_killed.py are killed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file on one of the two workers, which makes its fixtures once; but spread the lessons."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduler(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid if "test_quick_profile" in nodeid else super()._split_scope(nodeid)

    return Scheduler(config, log)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def mirror() -> str:
    """Where the public data sets are: `LMBOOK_MIRROR` (a folder or an address), else `../shared/data`, else a skip."""
    named = os.environ.get("LMBOOK_MIRROR")
    if named:
        return named
    beside = ROOT.parent / "shared" / "data"
    if beside.is_dir():
        return str(beside)
    pytest.skip("no public data here: set LMBOOK_MIRROR to a mirror of the catalogue")


@pytest.fixture
def no_installed_font(monkeypatch):
    """As on a machine without any Chinese font."""
    from lmbook import fonts

    monkeypatch.setattr(fonts, "INSTALLED", ())
    fonts._fallbacks.cache_clear()
    yield
    fonts._fallbacks.cache_clear()
