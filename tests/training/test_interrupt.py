from __future__ import annotations

import signal

import pytest

from lmbook.training import interrupt
from lmbook.training.interrupt import catch_interrupts


@pytest.fixture(autouse=True)
def usual_handler():
    """A shell starts background jobs with Ctrl-C ignored; the tests are about the usual case."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_is_noted_and_the_second_acts():
    noted = []
    with pytest.raises(KeyboardInterrupt), catch_interrupts(noted.append):
        signal.raise_signal(signal.SIGINT)
        assert noted == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
    assert noted == [signal.SIGINT]


def test_sigterm_sent_twice_at_once_counts_once(monkeypatch):
    noted, acted = [], []
    before = signal.signal(signal.SIGTERM, lambda number, frame: acted.append(number))
    try:
        with catch_interrupts(noted.append):
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert (noted, acted) == ([signal.SIGTERM], [])
            monkeypatch.setattr(interrupt, "SAME_SIGNAL_SECONDS", 0.0)
            signal.raise_signal(signal.SIGTERM)
        assert (noted, acted) == ([signal.SIGTERM], [signal.SIGTERM])
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with catch_interrupts(print):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
