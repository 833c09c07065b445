"""A lesson in the terminal: what is coming, each heading as it is reached, and a sign of life in every silence."""

from __future__ import annotations
import __future__

import sys
import threading
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from lmbook.book.cells import Cell, read_cells
from lmbook.book.chapters import LessonFile
from lmbook.console import terminal
from lmbook.files import near

if TYPE_CHECKING:
    from rich.console import Console

SILENCE = 1.5  # seconds without a word, after which the reader is told that work goes on
_FUTURES = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})


def run_narrated(lesson: LessonFile) -> None:
    """Run the lesson's cells in order, as `python FILE` would; `sys.argv` holds its arguments."""
    cells = read_cells(lesson.path.read_text(encoding="utf-8"))
    console = terminal()
    with _pulse():
        _open(lesson, cells, console)
        _run(lesson.path, cells, console)
        notebook = lesson.path.with_suffix(".ipynb")
        if notebook.exists():
            console.print(f"\nThe same with its explanations and pictures: {near(notebook)}", soft_wrap=True)


def outline(cells: list[Cell]) -> list[str]:
    """The headings of a lesson below its title."""
    return [heading for cell in cells for heading in cell.headings][1:]


def _open(lesson: LessonFile, cells: list[Cell], console: Console) -> None:
    fields = lesson.fields
    console.print(Text(fields.get("Title", lesson.name), style="bold"))
    console.print(fields.get("Shows", ""))
    console.print(f"Minutes: {fields.get('Minutes')}. Memory: {fields.get('Memory')}. Ctrl-C stops it.")
    for number, heading in enumerate(outline(cells), 1):
        console.print(f"  {number:>2}. {heading}")
    console.print("\nLoading TensorFlow and Keras; this takes some seconds.")


def _run(path: Path, cells: list[Cell], console: Console) -> None:
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=str(path), __spec__=None)
    before, sys.modules["__main__"] = sys.modules["__main__"], main
    flags, number = 0, -1  # the title is not counted
    try:
        for cell in cells:
            for heading in cell.headings:
                number += 1
                if number:
                    console.print()
                    console.print(Text(f"{number}. {heading}", style="bold"))
            if cell.kind == "code":
                # Empty lines before it: tracebacks and TensorFlow find each line where it stands in the file.
                source = "\n" * (cell.line - 1) + cell.source
                code = compile(source, str(path), "exec", flags, dont_inherit=True)
                flags |= code.co_flags & _FUTURES  # as in one file, a __future__ import holds for all that follows
                exec(code, main.__dict__)
    finally:
        sys.modules["__main__"] = before


class _Watched:
    """An output stream that knows when it was last written to, and clears away what the pulse wrote."""

    def __init__(self, stream: TextIO):
        self._stream, self._lock, self._pulses, self._last = stream, threading.RLock(), 0, time.monotonic()

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._lock:
            if self._pulses:
                self._stream.write("\r\x1b[K" if self._stream.isatty() else "\n")
                self._pulses = 0
            self._last = time.monotonic()
            return self._stream.write(text)

    def pulse(self) -> None:
        """Say that work goes on, if nothing was said for a while."""
        with self._lock:
            now = time.monotonic()
            if now - self._last < SILENCE * (1 if self._stream.isatty() else self._pulses + 1):
                return
            self._pulses += 1
            if self._stream.isatty():
                self._stream.write(f"\r\x1b[K… working, {now - self._last:.0f} s")
            else:
                self._stream.write("working " if self._pulses == 1 else ".")
            self._stream.flush()


@contextmanager
def _pulse() -> Iterator[None]:
    """Within it, a silence on the standard output is broken by a sign of life, which the next words replace."""
    watched, before, over = _Watched(sys.stdout), sys.stdout, threading.Event()

    def watch() -> None:
        with suppress(OSError):  # nobody reads any more; the lesson itself notices
            while not over.wait(0.25):
                watched.pulse()

    thread = threading.Thread(target=watch, daemon=True)
    sys.stdout = watched
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        watched.write("")
        sys.stdout = before
