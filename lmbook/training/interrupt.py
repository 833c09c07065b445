"""Stopping a run cleanly after Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SAME_SIGNAL_SECONDS = 2.0


@contextmanager
def catch_interrupts(stop_soon: Callable[[int], None]) -> Iterator[None]:
    """Call `stop_soon(signal number)` at the first Ctrl-C (SIGINT) or SIGTERM; a later one acts as usual.

    A second SIGTERM within two seconds counts as the same one: batch systems send it to every process of a job, and a
    launcher passes its own on.

    Outside of the main thread, where Python allows no handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    first = None

    def handle(number, frame):
        nonlocal first
        if first is None:
            first = time.monotonic()
            stop_soon(number)
            return
        if number == signal.SIGTERM and time.monotonic() - first < SAME_SIGNAL_SECONDS:
            return
        for each, handler in before.items():
            signal.signal(each, handler)
        signal.raise_signal(number)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
