"""How the book speaks to a terminal: what it prints there, errors in red on the error stream, and the exit codes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lmbook.errors import LmbookError
from lmbook.paths import explained, is_file_error, shown_path

if TYPE_CHECKING:
    from rich.console import Console

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141  # as a shell reports a program that the end of its pipe ended
INTERRUPTED = "Stopped at your request."
PATIENCE = 2.0  # seconds without a word
# A terminal obeys these signs instead of showing them; line ends and tabs are meant.
_OBEYED = {number: "�" for number in (*range(32), *range(127, 160)) if chr(number) not in "\n\t"}


def let_streams_show_what_they_can() -> None:
    """A stream that cannot write a sign, as one in cp1252 or ASCII cannot write 绿, writes `?` in its place.

    Otherwise one such sign would end a program hours after it began.
    """
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def terminal(stderr: bool = False, **options) -> Console:
    """Where everything is printed that is not bare text.

    It shows a reader's words as they are: brackets are no markup, `:heart:` is no picture, and numbers get no colour.
    """
    from rich.console import Console

    return Console(**{"stderr": stderr, "markup": False, "emoji": False, "highlight": False, **options})


def shown(text: str) -> str:
    """A text that a reader or a model wrote, as a terminal may have it: without signs that the terminal would obey."""
    return text.translate(_OBEYED)


def show(text: str, end: str = "\n") -> None:
    """Print a text that a reader or a model wrote: into a file or a pipe as it is, on a terminal as `shown`."""
    print(shown(text) if sys.stdout.isatty() else text, end=end, flush=True)


def note(line: str) -> None:
    """Tell what was read, left out or taken for something, on the error stream: standard output may be a result."""
    print(shown(line), file=sys.stderr, flush=True)


@contextmanager
def told_if_it_waits(path: Path) -> Iterator[None]:
    """Surround the opening and reading of a file, and say it when a pipe takes longer than two seconds.

    A pipe is opened when somebody writes to it, and read until the writer closes it.
    """
    if path.is_file():
        yield
        return
    words = f"Waiting for {shown_path(path)}: it is read until whoever writes to it is done. Ctrl-C ends this."
    timer = threading.Timer(PATIENCE, note, [words])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def print_error(error: LmbookError) -> None:
    """The message in red, its fix below, on the error stream."""
    from rich.text import Text

    console = terminal(stderr=True, soft_wrap=True)
    console.print(Text(shown(error.message), style="bold red"))
    if error.fix:
        console.print(Text(shown(error.fix)))


def exit_code(error: BaseException) -> int | None:
    """Tell the reader about an error that needs no traceback and give its exit code; None for any other error."""
    if isinstance(error, BrokenPipeError) and _nobody_reads():
        return EXIT_PIPE
    if is_file_error(error):
        error = explained(error)
    elif isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's
        error = LmbookError("There is not enough memory for this.", "Choose smaller batches, a smaller model or text.")
    if isinstance(error, LmbookError):
        print_error(error)
        return EXIT_ERROR
    if isinstance(error, KeyboardInterrupt):
        print(f"\n{INTERRUPTED}", file=sys.stderr)
        return EXIT_INTERRUPTED
    return None


def _nobody_reads() -> bool:
    """Whether standard output is a pipe that was closed, as by `| head`; what is left for it is thrown away."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # the interpreter flushes once more at its end
        os.close(nowhere)
        return True
    return False
