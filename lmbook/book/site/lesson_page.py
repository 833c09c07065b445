"""A lesson's page: its notebook as it is, with the header as a box, and a note on outputs that are out of date."""

from __future__ import annotations

import json
import re
from typing import Any

from lmbook.book.chapters import FIELDS, OPTIONAL_FIELDS, LessonFile
from lmbook.book.contents import Contents
from lmbook.book.listing import seconds
from lmbook.book.results import read_results
from lmbook.book.site.links import site_links
from lmbook.book.site.picture_words import with_words

_FIELD = rf"[-*] \**(?:{'|'.join((*FIELDS[1:], *OPTIONAL_FIELDS, 'Outputs'))})\**\s*:.*\n(?:[ \t]+\S.*\n)*"
_HEADER = re.compile(rf"\A(#.*\n)\s*(?:{_FIELD})*", re.I)
KEPT = "Bookkeeping: what the book keeps of this run"
STALE = "Recorded from an earlier version of this cell."


def lesson_page(text: str, lesson: LessonFile, contents: Contents, book: list[LessonFile]) -> str:
    """The notebook `text` as the site shows it."""
    notebook = json.loads(text)
    recorded = notebook["metadata"].get("lmbook")
    results = read_results(lesson, (recorded or {}).get("profile", "full")) or {}
    cells: list[dict[str, Any]] = []
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "markdown":
            source = site_links("".join(cell["source"]), f"chapters/{lesson.chapter}", book)
            if index == 0:
                source = opening(source, lesson, contents, book, recorded)
            cells.append(cell | {"source": source})
        else:
            if is_stale(cell):
                note = f":::{{container}} stale\n{STALE}\n:::"
                cells.append({"cell_type": "markdown", "id": f"stale-{index}", "metadata": {}, "source": note})
            cells.append(_named_fold(with_words(cell, results.get("figures", {}))))
    return json.dumps(notebook | {"cells": cells}, ensure_ascii=False)


def _named_fold(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell that is folded wholly, with a word that says what a reader leaves out."""
    if "hide-cell" not in cell["metadata"].get("tags", []):
        return cell
    named = {"code_prompt_show": KEPT, "code_prompt_hide": KEPT}
    return cell | {"metadata": cell["metadata"] | {"mystnb": named}}


def is_stale(cell: dict[str, Any]) -> bool:
    """Whether the cell's outputs come from code that has changed since."""
    metadata = cell.get("metadata", {})
    return bool(metadata.get("lmbook", {}).get("stale")) or "stale" in metadata.get("tags", [])


def opening(
    source: str, lesson: LessonFile, contents: Contents, book: list[LessonFile], recorded: dict[str, Any] | None
) -> str:
    """The first cell with its list of fields as a box: the question, what comes before, the time, the downloads."""
    box = _box(lesson, contents, book, recorded)
    return _HEADER.sub(lambda header: f"{header[1]}\n{box}\n\n", source.rstrip() + "\n", count=1)


def _box(lesson: LessonFile, contents: Contents, book: list[LessonFile], recorded: dict[str, Any] | None) -> str:
    fields = lesson.fields
    known = {other.name: other for other in book}
    needed = [known[name] for name in re.findall(r"\w+", fields.get("Needs", "")) if name in known]
    times = [f"{seconds(lesson, profile)} ({profile})" for profile in ("quick", "full") if seconds(lesson, profile)]
    lines = {
        "Read before": ", ".join(
            f"[{other.fields.get('Title', other.name)}](/chapters/{other.chapter}/{other.name}.ipynb)"
            for other in needed
        )
        or "nothing",
        "Takes": " or ".join(times) + (f", {fields['Memory']} of memory" if fields.get("Memory") else ""),
        "Data": fields.get("Data", ""),
        "In the article": fields.get("Article section", ""),
        "Run it": f"`lmbook run {lesson.name}`, or take the {{download}}`notebook <{lesson.name}.ipynb>` "
        f"or the {{download}}`script <{lesson.name}.py>`",
        "Outputs here": _recorded(lesson, recorded),
    }
    question = f"**{contents.lessons[lesson.name].question}**\n\n" if lesson.name in contents.lessons else ""
    facts = "\n".join(f":{name}: {value}" for name, value in lines.items() if value)
    return f":::{{container}} lesson-facts\n{question}{facts}\n:::"


def _recorded(lesson: LessonFile, recorded: dict[str, Any] | None) -> str:
    if not recorded:
        return f"none were recorded yet; the figures of its last recorded run are on the page of {chapter_link(lesson)}"
    known = [f"{recorded['profile']} profile"] if recorded.get("profile") else []
    known += [f"seed {recorded['seed']}"] if recorded.get("seed") is not None else []
    known += [str(recorded[key]) for key in ("device", "recorded") if recorded.get(key)]
    return ", ".join(known)


def chapter_link(lesson: LessonFile) -> str:
    """A link to the page of the folder that the lesson lies in."""
    return f"[chapter {int(lesson.chapter[:2])}](/chapters/{lesson.chapter}/index.md)"
