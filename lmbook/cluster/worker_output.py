"""Showing the output of several processes, with the name of the process before each line."""

from __future__ import annotations

import io
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

COLOURS = ("cyan", "magenta", "green", "yellow", "blue")
PROGRESS_EVERY = 5.0  # seconds between two lines shown of those that overwrite each other


class Output:
    """The output and error streams of this process, shared by the launcher and the workers; coloured on terminals."""

    def __init__(self):
        self._out, self._err = Console(), Console(stderr=True)

    def say(self, text: str) -> None:
        """Print a line of the launcher itself."""
        self._show(self._out, "", Style(), text)

    def complain(self, text: str) -> None:
        """Print a line of the launcher itself on the error stream."""
        self._show(self._err, text, Style(color="red", bold=True), "")

    def follow(self, index: int, process: subprocess.Popen) -> list[threading.Thread]:
        """Show the output of worker `index` in threads that end when it closes its streams."""
        streams = ((process.stdout, self._out), (process.stderr, self._err))
        threads = [threading.Thread(target=self._copy, args=(index, *each), daemon=True) for each in streams]
        for thread in threads:
            thread.start()
        return threads

    def _copy(self, index: int, stream: BinaryIO, console: Console) -> None:
        style = Style(color=COLOURS[index % len(COLOURS)])
        for line in lines(stream):
            self._show(console, f"[worker {index}] ", style, line)

    @staticmethod
    def _show(console: Console, start: str, style: Style, text: str) -> None:
        """Print one line without wrapping; letters that the stream cannot write are replaced."""
        start, text = (part.encode(console.encoding, "replace").decode(console.encoding) for part in (start, text))
        with suppress(OSError, SystemExit):  # nobody reads any more (rich would end); the workers go on nevertheless
            console.print(Segments([Segment(start, style), Segment(text), Segment.line()]), end="", soft_wrap=True)


def lines(stream: BinaryIO) -> Iterator[str]:
    """The lines of a UTF-8 stream without their ends, including a last line that has no end.

    Those that end in a lone \\r are states of a progress bar, each overwriting the one before: only one in 5 s is
    given, and none that is empty.
    """
    shown = -PROGRESS_EVERY
    for line in io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline=""):
        text = line.rstrip("\r\n")
        if line.endswith("\r"):
            if not text or time.monotonic() < shown + PROGRESS_EVERY:
                continue
            shown = time.monotonic()
        yield text
