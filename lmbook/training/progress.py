"""The progress line and the reports that a training prints."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lmbook.console import terminal

UNKNOWN_STEPS = 10_000_000  # more than a run with a time budget ever makes; shown as no number


class Display:
    """A progress line (a terminal) or one line per report (a file, a notebook); nothing when quiet.

    Args:
        quiet: print nothing but what `say` is given.
        console: where to print.
    """

    def __init__(self, quiet: bool = False, console: Console | None = None):
        self.quiet = quiet
        self.console = console or terminal()
        self._live = not quiet and self.console.is_terminal
        self._bar = None

    def start(self, step: int, total: int) -> None:
        if self._live:
            self._bar = Progress(
                TextColumn("step {task.completed:.0f}{task.fields[of]}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[note]}"),
                console=self.console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=total, completed=step, of=_of(total), note="compiling")
            self._bar.start()

    def update(self, step: int, total: int, loss: float, tokens_per_second: float, seconds_left: float) -> None:
        if self._bar is not None:
            note = f"loss {loss:.4f}{pace(tokens_per_second, seconds_left)}"
            self._bar.update(self._task, completed=step, total=total, of=_of(total), note=note)

    def report(
        self, step: int, total: int, loss: float, validation: float | None, speed: float, seconds_left: float
    ) -> None:
        """Print one line about a report."""
        if not self.quiet:
            scored = "" if validation is None else f"  validation {validation:.4f}"
            self.console.print(f"step {step:>6}{_of(total)}  loss {loss:.4f}{scored}{pace(speed, seconds_left)}")

    def say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True, markup=False)  # also where another console was given

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _of(total: int) -> str:
    return "" if total >= UNKNOWN_STEPS else f" of {total}"


def pace(tokens_per_second: float, seconds_left: float) -> str:
    """Speed and remaining time as text, empty before the speed is known."""
    if not tokens_per_second:
        return ""
    return f"  {tokens_per_second:,.0f} tokens/s  {clock(seconds_left)} left"


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    seconds = max(0, round(seconds))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"
