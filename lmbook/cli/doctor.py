"""`lmbook doctor`: is everything here that the book needs?"""

from __future__ import annotations

import typer

MARKS = {"ok": "green", "note": "yellow", "problem": "red"}


def doctor() -> None:
    """Check versions, devices, memory and disk; say what is missing and the command that mends it."""
    from rich.console import Console
    from rich.table import Table

    from lmbook.cli.examination import examine

    findings = examine()
    table = Table("what", "found", "state")
    for finding in findings:
        table.add_row(finding.what, finding.found, f"[{MARKS[finding.state]}]{finding.state}[/]")
    console = Console()
    console.print(table)
    for finding in findings:
        if finding.mend:
            console.print(f"{finding.what}: {finding.mend}", soft_wrap=True, markup=False)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)
