"""`lmbook lessons`, `lmbook run` and `lmbook pages`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lmbook.book.lesson import LARGEST_SEED
from lmbook.cli.options import (
    CorpusOption,
    CpuDevicesOption,
    DevicesOption,
    StrategyOption,
    TensorboardOption,
    TextOption,
)
from lmbook.console import terminal
from lmbook.corpora.source import one_source
from lmbook.errors import LmbookError
from lmbook.training.tensorboard import tensorboard_into


def lessons(
    lesson: Annotated[str | None, typer.Argument(metavar="[LESSON]", help="Say more about this one.")] = None,
) -> None:
    """List the lessons in reading order, with the seconds that a quick run took; or say more about one."""
    from lmbook.book.listing import all_in_order, one_in_full

    console = terminal()
    if lesson is None:
        console.print(all_in_order(console.width), soft_wrap=True)
        console.print("\nMore about one: lmbook lessons LESSON. To run it: lmbook run LESSON")
    else:
        console.print(one_in_full(lesson), soft_wrap=True)


def run(
    lesson: Annotated[str, typer.Argument(metavar="LESSON", help="Its name, as `lmbook lessons` shows it.")],
    full: Annotated[bool, typer.Option("--full", help="The full profile (minutes) instead of the quick one.")] = False,
    corpus: CorpusOption = None,
    text: TextOption = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, max=LARGEST_SEED, help="For everything random.")] = None,
    strategy: StrategyOption = "auto",
    devices: DevicesOption = None,
    cpu_devices: CpuDevicesOption = None,
    tensorboard: TensorboardOption = False,
    record: Annotated[bool, typer.Option("--record", help="Put the results in the book.")] = False,
) -> None:
    """Run a lesson: its quick profile takes under a minute on two cores."""
    from lmbook.book.chapters import find_lesson
    from lmbook.book.narration import run_narrated
    from lmbook.book.own_data import check_used

    found = find_lesson(lesson)
    path = found.path
    one_source(corpus, text, required=False)
    check_used(found, corpus, text)
    if record:
        from lmbook.book.recording import record as record_lesson

        if tensorboard:
            raise LmbookError("--record was given with --tensorboard.", "The book records no losses for it.")
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
    arguments += ["--tensorboard"] if tensorboard else []
    arguments += ["--corpus", corpus] if corpus else []
    arguments += ["--text", str(text)] if text else []
    arguments += [] if seed is None else ["--seed", str(seed)]
    before = sys.argv, sys.path[:]
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))  # as when the file is run by hand
    try:
        with tensorboard_into(None):  # what the lesson begins ends with it
            run_narrated(found)
    finally:
        sys.argv, sys.path[:] = before


def pages(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail when something is out of step.")] = False,
    release: Annotated[
        bool, typer.Option("--release", help="With --check: fail also when outputs are of an earlier version.")
    ] = False,
) -> None:
    """Make the pages' tables from the recorded results, and the notebooks from the lessons."""
    from lmbook.book.chapters import chapters_dir
    from lmbook.book.pages import out_of_step, unrecorded, update

    folder = chapters_dir()
    if not check:
        changed = update(folder)
        for path in changed:
            print(f"written: {path.relative_to(folder.parent).as_posix()}")
        print(f"{len(changed)} files changed.")
        return
    stale = [path.relative_to(folder.parent).as_posix() for path in out_of_step(folder)]
    if stale:
        raise LmbookError(f"Out of step with the lessons and results: {', '.join(stale)}.", "Run: lmbook pages")
    print("All pages and notebooks are in step.")
    old = unrecorded(folder)
    for name, lines in old.items():
        print(f"{name}: cells without outputs of their present code, at lines {', '.join(map(str, lines))}")
    if old and release:
        raise LmbookError(
            f"{len(old)} lessons show outputs of an earlier version, or none.", "Run: lmbook run NAME --full --record"
        )
