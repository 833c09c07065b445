"""Options and fixtures for all tests."""

from __future__ import annotations

import datetime
import gc
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Programs that tests start import this checkout, whatever folder they run in.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
# XLA optimises its machine code for longer than the tests' small models run. Lessons are tested as readers run them.
# (In pytest's own processes XLA compiles only what is marked `xla`, see below; in the programs that tests start, all.)
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# Which lessons are run changes by the day (tests/chapters). Both processes of a run have the day on which it began.
os.environ.setdefault("LMBOOK_TEST_DAY", str(datetime.date.today().toordinal()))


def pytest_addoption(parser):
    parser.addoption("--lessons", action="store_true", help="run every lesson's quick profile, also the long ones")
    parser.addoption("--kills", type=int, default=1, help="how often the runs of test_killed.py are killed")


# The lessons and the files of tests that take longest, as they begin. Between the two that need the book's site stands
# another, so that neither process waits while the other one builds it.
LONG = (
    "test_quick_profile",
    "test_killed.py",
    "test_same_steps.py",
    "test_whole_site.py",
    "test_generate.py",
    "browser/",
)


def pytest_collection_modifyitems(items):
    """What is long begins first, so that neither process waits for the other at the end."""

    def place(item):
        return next((place for place, name in enumerate(LONG) if name in item.nodeid), len(LONG))

    items.sort(key=place)


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "xla: XLA compiles what it is asked to compile; without this mark TensorFlow runs it"
    )


@pytest.hookimpl(tryfirst=True)  # before the fixtures, which may trace functions
def pytest_runtest_setup(item):
    """XLA compiles only in the tests marked `xla`: it takes longer than all that the other tests compute.

    lmbook compiles by `tf.function`; elsewhere this traces the same functions, and TensorFlow runs them.
    """
    if "tensorflow" not in sys.modules:
        return
    import tensorflow as tf

    global with_xla
    with_xla = with_xla or tf.function
    tf.function = with_xla if item.get_closest_marker("xla") else without_xla


with_xla = None  # TensorFlow's own `tf.function`, once TensorFlow is imported


def without_xla(*arguments, jit_compile=None, **options):
    return with_xla(*arguments, **options)


def pytest_collection_finish(session):
    """Spare Python's garbage collector what was imported, and let it look less often: it took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


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
    from lmbook.book import fonts

    monkeypatch.setattr(fonts, "INSTALLED", ())
    fonts._fallbacks.cache_clear()
    yield
    fonts._fallbacks.cache_clear()


@pytest.fixture
def assert_every_weight_learns():
    """Function of a model and what it reads: every trainable weight gets a gradient that is not 0.

    `but`: how the paths of weights end that rightly get none.
    """

    import numpy as np
    import tensorflow as tf

    def check(model, inputs, *, but=(), **options):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(model(inputs, **options)))
        weights = model.trainable_variables
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            if not weight.path.endswith(tuple(but)):
                assert gradient is not None and np.any(np.asarray(tf.convert_to_tensor(gradient))), weight.path

    return check


@pytest.fixture
def assert_saved_as_it_is(tmp_path):
    """Function of a model and its arguments: saved and loaded it has the same configuration and gives the same."""

    import keras
    import numpy as np

    def check(model, *arguments):
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
        assert again.config == model.config
        np.testing.assert_array_equal(again(*arguments), model(*arguments))

    return check


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The book's site, built once for all processes of a test run; a skip where Sphinx is not installed."""
    pytest.importorskip("myst_nb", reason="Sphinx and myst-nb are not installed: requirements-site.txt")
    import time

    from lmbook.book.site.build import build_site

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    warnings, build = shared / "site-warnings.txt", shared / "site-build"
    try:
        build.mkdir()
    except FileExistsError:  # another process builds it
        until = time.monotonic() + 600
        while not warnings.exists():
            assert time.monotonic() < until, "the other process never finished the site"
            time.sleep(0.5)
    else:
        try:
            _, found = build_site(ROOT / "chapters", build)
        except BaseException as error:
            warnings.write_text(f"not built: {error}", encoding="utf-8")
            raise
        warnings.write_text("\n".join(found), encoding="utf-8")
    return build / "site"
