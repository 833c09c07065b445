"""How far a command has come: a bar on a terminal, elsewhere a line now and then, both on the error stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from lmbook.console import PATIENCE, note, terminal

EVERY = 10.0  # seconds between two lines where there is no terminal

Report = Callable[[int, int], None]  # is told (done, of so many)


@contextmanager
def progress(doing: str, what: str) -> Iterator[Report]:
    """Give a function that shows how much is done.

    Args:
        doing: such as "Scoring".
        what: is counted, such as "tokens".
    """
    console = terminal(stderr=True)
    if not console.is_terminal:
        yield _lines(doing, what)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[note]}")
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(doing, total=None, note="")
        yield lambda done, total: bar.update(task, completed=done, total=total, note=f"{done:,} of {total:,} {what}")


def _lines(doing: str, what: str) -> Report:
    told = monotonic() - EVERY + PATIENCE  # the first after two seconds

    def report(done: int, total: int) -> None:
        nonlocal told
        if done < total and monotonic() - told >= EVERY:
            told = monotonic()
            note(f"{doing}: {done:,} of {total:,} {what}")

    return report
