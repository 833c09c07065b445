"""`lmbook lessons`, `lmbook run` and `lmbook pages`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lmbook.cli.options import (
    CorpusOption,
    CpuDevicesOption,
    DevicesOption,
    StrategyOption,
    TextOption,
)
from lmbook.corpora.source import one_source
from lmbook.errors import LmbookError


def lessons() -> None:
    """List the lessons: article section, minutes, what each shows."""
    from rich.console import Console
    from rich.table import Table

    from lmbook.book.chapters import lessons as all_lessons

    table = Table("chapter", "lesson", "article", "minutes", "shows")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    previous = ""
    for lesson in all_lessons():
        fields = lesson.fields
        chapter = "" if lesson.chapter == previous else lesson.chapter
        previous = lesson.chapter
        table.add_row(chapter, lesson.name, fields.get("Article section"), fields.get("Minutes"), fields.get("Shows"))
    console = Console()
    console.print(table)
    console.print("Run one with: lmbook run LESSON")


def run(
    lesson: Annotated[str, typer.Argument(metavar="LESSON", help="Its name, as `lmbook lessons` shows it.")],
    full: Annotated[bool, typer.Option("--full", help="The full profile (minutes) instead of the quick one.")] = False,
    corpus: CorpusOption = None,
    text: TextOption = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="For everything random.")] = None,
    strategy: StrategyOption = "auto",
    devices: DevicesOption = None,
    cpu_devices: CpuDevicesOption = None,
    record: Annotated[bool, typer.Option("--record", help="Put the results in the book.")] = False,
) -> None:
    """Run a lesson: its quick profile takes under a minute on two cores."""
    from lmbook.book.chapters import find_lesson
    from lmbook.book.narration import run_narrated

    found = find_lesson(lesson)
    path = found.path
    one_source(corpus, text, required=False)
    if record:
        from lmbook.book.recording import record as record_lesson

        if corpus or text or seed is not None:
            raise LmbookError(
                "--record was given with another corpus, text or seed.",
                "The book records the lesson's own data and seed.",
            )
        print(f"Recorded: {record_lesson(found, full)}")
        return
    arguments = ["--strategy", strategy]
    arguments += ["--devices", devices] if devices else []
    arguments += [] if cpu_devices is None else ["--cpu-devices", str(cpu_devices)]
    arguments += ["--full"] if full else []
    arguments += ["--record"] if record else []
    arguments += ["--corpus", corpus] if corpus else []
    arguments += ["--text", str(text)] if text else []
    arguments += [] if seed is None else ["--seed", str(seed)]
    before = sys.argv, sys.path[:]
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))  # as when the file is run by hand
    try:
        run_narrated(found)
    finally:
        sys.argv, sys.path[:] = before


def pages(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail when something is out of step.")] = False,
) -> None:
    """Make the pages' tables from the recorded results, and the notebooks from the lessons."""
    from lmbook.book.chapters import chapters_dir
    from lmbook.book.pages import out_of_step, update

    folder = chapters_dir()
    if check:
        stale = [path.relative_to(folder.parent).as_posix() for path in out_of_step(folder)]
        if stale:
            raise LmbookError(f"Out of step with the lessons and results: {', '.join(stale)}.", "Run: lmbook pages")
        print("All pages and notebooks are in step.")
        return
    changed = update(folder)
    for path in changed:
        print(f"written: {path.relative_to(folder.parent).as_posix()}")
    print(f"{len(changed)} files changed.")
