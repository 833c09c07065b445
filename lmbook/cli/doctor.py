"""`lmbook doctor`: is everything here that the book needs?"""

from __future__ import annotations

import typer

MARKS = {"ok": "green", "note": "yellow", "problem": "red"}


def doctor() -> None:
    """Check versions, devices, memory and disk; say what is missing and the command that mends it."""
    from rich.table import Table
    from rich.text import Text

    from lmbook.cli.examination import examine
    from lmbook.console import terminal

    findings = examine()
    table = Table("what", "found", "state")
    for finding in findings:
        table.add_row(finding.what, finding.found, Text(finding.state, style=MARKS[finding.state]))
    console = terminal(highlight=True)
    console.print(table)
    for finding in findings:
        if finding.mend:
            console.print(f"{finding.what}: {finding.mend}", soft_wrap=True)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)
