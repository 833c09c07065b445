"""Each lesson's notebook: the cells of its `.py` file with what they gave in a recorded run; never edited by hand.

The notebook is also where the recorded outputs are kept. Made anew, it takes them from the notebook that is there: a
cell's outputs stay with the cell, and where its code has changed since, it says so.
"""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

from lmbook.book.cells import Cell, read_cells
from lmbook.book.chapters import LessonFile
from lmbook.book.source import with_sources
from lmbook.book.tables import recorded_runs, results_table
from lmbook.book.values import filled
from lmbook.errors import LmbookError

STALE = "*Recorded from an earlier version of this cell.*"
_AUTHORS = re.compile(r"^[-*] Headline:.*\n(?:[ \t]+\S.*\n)*", re.M)
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(lesson: LessonFile) -> str:
    """The text of the lesson's `.ipynb`. Cell ids are by position, so that the same lesson gives the same file.

    Raises:
        LmbookError: the lesson's cells cannot be read, or a mark in its text names no recorded figure.
    """
    earlier = _read(lesson.path.with_suffix(".ipynb"))
    run = earlier.get("metadata", {}).get("lmbook", {})
    cells = read_cells(lesson.path.read_text(encoding="utf-8"))
    outputs = _kept_outputs([cell for cell in cells if cell.kind == "code"], earlier)
    made, count = [], 0
    for index, cell in enumerate(cells):
        entry: dict[str, Any] = {"cell_type": cell.kind, "id": f"{lesson.name[:56]}-{index:03d}", "metadata": {}}
        if cell.folded:
            folding = {"source_hidden": True} if "hide-output" not in cell.folded else {}
            folding |= {"outputs_hidden": True} if "hide-input" not in cell.folded else {}
            entry["metadata"] = {"jupyter": folding, "tags": list(cell.folded)}
        if cell.kind == "markdown":
            text = with_sources(filled(cell.source, lesson, run.get("profile", "full")))
            entry["source"] = _lines(text if index else _opening(text, run))
        else:
            digest, kept = outputs[count]
            count += 1
            entry |= {"execution_count": count if kept else None, "outputs": kept, "source": _lines(cell.source)}
            if digest:
                entry["metadata"]["lmbook"] = {"recorded": digest}
                if digest != cell.digest:
                    entry["metadata"]["tags"] = [*entry["metadata"].get("tags", []), "stale"]
        made.append(entry)
    if figures := results_table(lesson, []) if recorded_runs(lesson) else "":
        text = f"<details>\n<summary>All figures of this lesson</summary>\n\n{figures.rstrip()}\n\n</details>"
        entry = {"cell_type": "markdown", "id": f"{lesson.name[:56]}-all", "metadata": {"tags": ["appendix"]}}
        made.append(entry | {"source": _lines(text)})
    metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}} | ({"lmbook": run} if run else {})
    return _text({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _opening(text: str, run: dict[str, Any]) -> str:
    """The first cell: without what only the book's tables need, and with the run that the outputs come from."""
    told = "none yet"
    if run:
        told = f"from the {run['profile']} profile, seed {run['seed']}, {run['seconds']:.0f} s on {run['device']}"
    return _AUTHORS.sub(f"- Outputs: {told}\n", text + "\n", count=1).rstrip("\n")


def with_outputs(lesson: LessonFile, outputs: list[list[dict]], run: dict[str, Any]) -> str:
    """The notebook after a run in which the lesson's code cells gave `outputs`, in order.

    Args:
        lesson: the lesson that was run, as it is now.
        outputs: for each code cell its outputs, in nbformat's form.
        run: what is told of the run: profile, seed, device, versions, seconds.
    """
    code = [cell for cell in read_cells(lesson.path.read_text(encoding="utf-8")) if cell.kind == "code"]
    cells = [
        {
            "cell_type": "code",
            "metadata": {"lmbook": {"recorded": cell.digest}},
            "source": cell.source,
            "outputs": given,
        }
        for cell, given in zip(code, outputs, strict=True)
    ]
    return _text({"cells": cells, "metadata": {"lmbook": run}, "nbformat": 4, "nbformat_minor": 5})


def stale_cells(lesson: LessonFile) -> list[int]:
    """The line numbers of the code cells whose outputs are of an earlier version, or that have never been recorded."""
    cells = [cell for cell in read_cells(lesson.path.read_text(encoding="utf-8")) if cell.kind == "code"]
    kept = _kept_outputs(cells, _read(lesson.path.with_suffix(".ipynb")))
    return [cell.line for cell, (digest, _) in zip(cells, kept, strict=True) if digest != cell.digest]


def _kept_outputs(cells: list[Cell], earlier: dict) -> list[tuple[str | None, list[dict]]]:
    """For each code cell (the digest of the source that was recorded, its outputs); (None, []) for a new cell."""
    recorded = [cell for cell in earlier.get("cells", []) if cell.get("metadata", {}).get("lmbook", {}).get("recorded")]
    before = [cell["metadata"]["lmbook"]["recorded"] for cell in recorded]
    now = [cell.digest for cell in cells]
    found: list[tuple[str | None, list[dict]]] = [(None, [])] * len(cells)
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if kind not in ("equal", "replace"):
            continue
        for old, new in zip(range(a, b), range(c, d), strict=False):
            given = [one for one in recorded[old]["outputs"] if one.get("metadata", {}).get("lmbook") != "stale"]
            mark = [] if before[old] == now[new] else [_stale_mark()]
            found[new] = before[old], mark + given
    return found


def _stale_mark() -> dict[str, Any]:
    data = {"text/markdown": [STALE], "text/plain": [STALE.strip("*")]}
    return {"data": data, "metadata": {"lmbook": "stale"}, "output_type": "display_data"}


def _read(path: Path) -> dict:
    """A notebook file; empty where there is none."""
    if not path.exists():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LmbookError(f"{path} is not a notebook: {error}.", "Delete it and run: lmbook pages") from None


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _text(made: dict[str, Any]) -> str:
    return json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
