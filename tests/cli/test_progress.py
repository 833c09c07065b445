from __future__ import annotations

import io

from rich.console import Console

from lmbook.cli import progress as module
from lmbook.cli.progress import progress


def test_without_a_terminal_there_is_a_line_after_two_seconds_and_then_every_ten(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    with progress("Scoring", "tokens") as report:
        for second in range(30):
            now[0] = 100.0 + second
            report(1000 * second, 30_000)
        now[0] += 60
        report(30_000, 30_000)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [f"Scoring: {n},000 of 30,000 tokens" for n in (2, 12, 22)]
    assert captured.out == ""


def test_a_terminal_shows_at_once_that_something_goes_on(monkeypatch):
    text = io.StringIO()
    monkeypatch.setattr(module, "terminal", lambda stderr: Console(file=text, force_terminal=True, width=100))
    with progress("Scoring", "tokens") as report:
        assert "Scoring" in text.getvalue()
        report(1000, 30_000)
    assert "1,000 of 30,000 tokens" in text.getvalue()
