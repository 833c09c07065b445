"""Ending a run in good order when the reader presses Ctrl-C or the machine is about to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def catch_interrupts(stop_soon: Callable[[int], None]) -> Iterator[None]:
    """Call `stop_soon(signal number)` at the first Ctrl-C (SIGINT) or SIGTERM; the second one acts as always.

    Outside of the main thread, where Python allows no handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number, frame):
        for each, handler in before.items():
            signal.signal(each, handler)
        stop_soon(number)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
