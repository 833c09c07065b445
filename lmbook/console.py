"""How the book speaks to a terminal: errors in red on the error stream, and the exit codes."""

from __future__ import annotations

import sys

from lmbook.errors import LmbookError

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
INTERRUPTED = "Stopped at your request."


def print_error(error: LmbookError) -> None:
    """The message in red, its fix below, on the error stream."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True)
    console.print(Text(error.message, style="bold red"))
    if error.fix:
        console.print(Text(error.fix))


def exit_code(error: BaseException) -> int | None:
    """Tell the reader about an error that needs no traceback and give its exit code; None for any other error."""
    if isinstance(error, LmbookError):
        print_error(error)
        return EXIT_ERROR
    if isinstance(error, KeyboardInterrupt):
        print(f"\n{INTERRUPTED}", file=sys.stderr)
        return EXIT_INTERRUPTED
    return None
