"""Running a lesson in a notebook's kernel and keeping what its cells gave: `lmbook run NAME --record`."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lmbook.book.cells import Cell, read_cells
from lmbook.book.chapters import LessonFile
from lmbook.book.lesson import ARGUMENTS
from lmbook.book.notebooks import notebook, with_outputs
from lmbook.book.results import read_results
from lmbook.errors import LmbookError
from lmbook.files import write_json, write_text

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def record(lesson: LessonFile, full: bool, say: Callable[[str], None] = print) -> Path:
    """Run all cells, leave the lesson's figures in `results/`, and its outputs in the notebook.

    The outputs of a quick run go to `results/NAME.quick.outputs.json`, without pictures, and into the notebook as long
    as no full run was recorded there.

    Args:
        lesson: which.
        full: the full profile, else the quick one.
        say: told which cell begins.

    Returns:
        the notebook.

    Raises:
        LmbookError: a cell failed, or a package for notebooks is missing.
    """
    profile = "full" if full else "quick"
    cells = read_cells(lesson.path.read_text(encoding="utf-8"))
    outputs = _run(lesson, cells, full, say)
    measured = read_results(lesson, profile)
    if measured is None:
        raise LmbookError(f"{lesson.name} left no results.", "Its last cell must call lesson.finish().")
    run = {name: measured[name] for name in ("profile", "seed", "device", "versions", "seconds")}
    path = lesson.path.with_suffix(".ipynb")
    if not full:
        code = [cell for cell in cells if cell.kind == "code"]
        kept = [{"recorded": c.digest, "outputs": _without_pictures(o)} for c, o in zip(code, outputs, strict=True)]
        write_json(lesson.path.parent / "results" / f"{lesson.name}.quick.outputs.json", {**run, "cells": kept})
    if full or _profile_of(path) != "full":
        write_text(path, with_outputs(lesson, outputs, run))
    write_text(path, notebook(lesson))  # as `lmbook pages` makes it: the list of all figures has those of both profiles
    return path


def _run(lesson: LessonFile, cells: list[Cell], full: bool, say: Callable[[str], None]) -> list[list[dict]]:
    """The outputs of each code cell."""
    try:
        import nbclient
        import nbformat
        from nbclient.exceptions import CellExecutionError
    except ImportError:
        raise LmbookError(
            "Recording needs a notebook's kernel, and a package for it is missing.",
            "Run: python -m pip install -r requirements-test.txt",
        ) from None
    code = [cell for cell in cells if cell.kind == "code"]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.source) for cell in code])
    titles = _titles(cells)

    def on_start(cell, cell_index, **_):
        say(f"cell {cell_index + 1} of {len(code)}: {titles[cell_index]}")

    client = nbclient.NotebookClient(
        made,
        timeout=None,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(lesson.path.parent)}},
        on_cell_start=on_start,
    )
    arguments = [*(["--full"] if full else []), "--record"]
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:  # no model of an earlier run is taken
            client.execute(env={**os.environ, ARGUMENTS: json.dumps(arguments), "LMBOOK_RESULTS": scratch})
    except CellExecutionError as error:
        raise LmbookError(
            f"{lesson.name}: {_ANSI.sub('', error.evalue or error.ename)}",
            f"Run it as a script to see where: python {lesson.path.name}",
        ) from error
    return [_tidy(cell.outputs) for cell in made.cells]


def _titles(cells: list[Cell]) -> list[str]:
    """For each code cell the last heading before it."""
    titles, last = [], ""
    for cell in cells:
        last = (cell.headings or [last])[-1]
        if cell.kind == "code":
            titles.append(last)
    return titles


def _tidy(outputs: list[Any]) -> list[dict]:
    """Outputs as they are kept: pieces of one stream joined, lines that were overwritten left out, no counters."""
    kept: list[dict] = []
    for output in outputs:
        one = json.loads(json.dumps(output))
        if one["output_type"] == "stream":
            text = "".join(one["text"])
            if kept and kept[-1].get("name") == one["name"]:
                text = "".join(kept.pop()["text"]) + text
            lines = [line.rsplit("\r", 1)[-1] for line in _ANSI.sub("", text).replace("\r\n", "\n").split("\n")]
            one["text"] = "\n".join(lines).splitlines(keepends=True)
        else:
            one.pop("execution_count", None)
            if one["output_type"] == "execute_result":
                one["execution_count"] = None
            for kind, value in one.get("data", {}).items():
                if isinstance(value, str) and kind.startswith("text/"):
                    one["data"][kind] = value.splitlines(keepends=True)
            if any(kind.startswith("image/") for kind in one.get("data", {})):
                one["data"].pop("text/plain", None)
        kept.append(one)
    return kept


def _without_pictures(outputs: list[dict]) -> list[dict]:
    return [one for one in outputs if not any(kind.startswith("image/") for kind in one.get("data", {}))]


def _profile_of(path: Path) -> str | None:
    """Whose outputs a notebook holds."""
    if not path.exists():
        return None
    return json.loads(path.read_text(encoding="utf-8")).get("metadata", {}).get("lmbook", {}).get("profile")
