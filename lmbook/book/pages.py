"""The generated parts of the book's pages: tables and numbers from the results files, and the notebooks.

A page is a README with markers; the text between a marker and the next `<!-- end -->` is generated. CONTRIBUTING.md
lists the markers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lmbook.book.chapters import LessonFile, chapters_dir, lessons
from lmbook.book.notebooks import notebook
from lmbook.book.results import PROFILES, format_figure, format_value, read_results, table_rows
from lmbook.errors import LmbookError
from lmbook.files import read_json, write_text

_MARKER = re.compile(
    r"(<!-- (results|table|value|figure|chapters|benchmark)(?:: ([^>]*?))? -->)(.*?)(<!-- end -->)", re.S
)


def generated(folder: Path | None = None) -> dict[Path, str]:
    """What every page and notebook of the book should hold: path → text.

    Raises:
        LmbookError: a marker names a lesson, figure or table that does not exist.
    """
    folder = folder or chapters_dir()
    book = lessons(folder)
    wanted = {lesson.path.with_suffix(".ipynb"): notebook(lesson) for lesson in book}
    root = folder.parent
    for page in (root / "README.md", root / "benchmarks" / "README.md", *sorted(folder.glob("*/README.md"))):
        if page.exists():
            wanted[page] = fill(page.read_text(encoding="utf-8"), page, book)
    return wanted


def out_of_step(folder: Path | None = None) -> list[Path]:
    """The pages and notebooks that differ from what they should hold."""
    return [path for path, text in generated(folder).items() if not path.exists() or _read(path) != text]


def update(folder: Path | None = None) -> list[Path]:
    """Write the pages and notebooks that are out of step; gives their paths."""
    wanted = generated(folder)
    changed = [path for path, text in wanted.items() if not path.exists() or _read(path) != text]
    for path in changed:
        write_text(path, wanted[path])
    return changed


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")  # line ends as \n, also where git wrote \r\n


def fill(text: str, page: Path, book: list[LessonFile]) -> str:
    """`text` of `page` with every marker's part made anew."""
    known = {lesson.name: lesson for lesson in book}

    def replace(match: re.Match) -> str:
        kind, words = match[2], (match[3] or "").split()
        try:
            if kind == "chapters":
                made = _chapters(book, page.parent)
            elif kind == "benchmark":
                made = _benchmark(page.parent, words)
            else:
                if not words:
                    raise LmbookError(f"The marker {match[1]} names no lesson.")
                if words[0] not in known:
                    raise LmbookError(f"The marker {match[1]} names no lesson of the book.")
                if kind == "value" and text[: match.start()].endswith("\n"):
                    raise LmbookError(
                        f"The marker {match[1]} begins a line.",
                        "Put a word before it: Markdown takes a line that begins with a comment for HTML.",
                    )
                made = _PARTS[kind](known[words[0]], words[1:])
        except LmbookError as error:
            raise LmbookError(f"{page}: {error.message}", error.fix) from error
        return f"{match[1]}{made}{match[5]}" if kind == "value" else f"{match[1]}\n{made}\n{match[5]}"

    return _MARKER.sub(replace, text)


def _none_yet(lesson: LessonFile) -> str:
    return f"*Not recorded yet: `lmbook run {lesson.name} --full --record`.*"


def _recorded(lesson: LessonFile) -> dict[str, dict[str, Any]]:
    """Profile → results, for the profiles that were recorded; the full one first."""
    found = {profile: read_results(lesson, profile) for profile in PROFILES}
    return {profile: result for profile, result in found.items() if result is not None}


def _one(lesson: LessonFile, key: str) -> dict[str, Any] | None:
    """The figure `key` of the full run, or else of the quick one; None where a full run may still record it."""
    recorded = _recorded(lesson)
    for result in recorded.values():
        if key in result["figures"]:
            return result["figures"][key]
    if "full" in recorded:
        raise LmbookError(
            f"{lesson.name} recorded no figure {key!r}.",
            f"Correct the key, or run: lmbook run {lesson.name} --full --record",
        )
    return None


def _results(lesson: LessonFile, keys: list[str]) -> str:
    recorded = _recorded(lesson)
    found = [key for key in keys if _one(lesson, key) is not None]
    if not recorded or len(found) < len(keys):
        return _none_yet(lesson)
    if not keys:
        every = [key for result in recorded.values() for key in result["figures"]]
        keys = [key for key in dict.fromkeys(every) if "/" not in key]  # tables and pictures have markers of their own
    lines = [_row(["figure", *recorded, "unit", "note"]), _row(["---", *["---:"] * len(recorded), "---", "---"])]
    for key in keys:
        entries = [result["figures"].get(key) for result in recorded.values()]
        first = next(entry for entry in entries if entry)
        cells = ["" if entry is None else format_figure(entry, unit=False) for entry in entries]
        lines.append(_row([f"`{key}`", *cells, first["unit"], first["note"]]))
    lines += ["", *(_conditions(profile, result) for profile, result in recorded.items())]
    return "\n".join(lines)


def _conditions(profile: str, result: dict[str, Any]) -> str:
    return (
        f"*{profile.capitalize()}: {_seconds(result['seconds'])}, {result['peak_memory_mb']:,.0f} MB, "
        f"seed {result['seed']}, {_machine(result)}.*  "
    )


def _machine(result: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return f"{result['device']}; {versions}"


def _table(lesson: LessonFile, words: list[str]) -> str:
    if len(words) != 1:
        raise LmbookError(f"A table marker names a lesson and one table, not {[lesson.name, *words]}.")
    recorded = _recorded(lesson)
    for result in recorded.values():
        columns, rows = table_rows(result["figures"], words[0])
        if not rows:
            continue
        texts = {name for cells in rows.values() for name, cell in cells.items() if isinstance(cell["value"], str)}
        lines = [_row(["", *columns]), _row(["---", *("---" if name in texts else "---:" for name in columns)])]
        for label, cells in rows.items():
            lines.append(_row([label, *(format_figure(cells[name]) if name in cells else "" for name in columns)]))
        return "\n".join(lines)
    if "full" not in recorded:
        return _none_yet(lesson)
    raise LmbookError(f"{lesson.name} recorded no table {words[0]!r}.", "Correct the name, or run the lesson again.")


def _value(lesson: LessonFile, words: list[str]) -> str:
    if len(words) != 1:
        raise LmbookError(f"A value marker names a lesson and one figure, not {[lesson.name, *words]}.")
    entry = _one(lesson, words[0])
    return "(not recorded yet)" if entry is None else _cell(format_value(entry["value"]))


def _figure(lesson: LessonFile, words: list[str]) -> str:
    if len(words) != 1:
        raise LmbookError(f"A figure marker names a lesson and one picture, not {[lesson.name, *words]}.")
    entry = (read_results(lesson, "full") or {"figures": {}})["figures"].get(f"picture/{words[0]}")
    if entry is None:  # the book keeps the pictures of full runs only
        return _none_yet(lesson)
    return f"![{entry['note']}]({entry['value']})\n\n*{entry['note']}.*"


def _benchmark(folder: Path, words: list[str]) -> str:
    """The figures of `results/NAME.json`, which the `--output` of the benchmark NAME.py wrote."""
    if len(words) != 1:
        raise LmbookError(f"A benchmark marker names one benchmark, not {words}.")
    path = folder / "results" / f"{words[0]}.json"
    if not path.exists():
        script = folder / f"{words[0]}.py"
        if not script.exists():
            raise LmbookError(f"There is no {path}, and no {script}.", "Correct the name.")
        return f"*Not recorded yet: `python benchmarks/{script.name} … --output benchmarks/results/{path.name}`.*"
    result = read_json(path)
    lines = [_row(["figure", ""]), _row(["---", "---:"])]
    lines += [_row([f"`{key}`", format_value(value)]) for key, value in result["figures"].items()]
    return "\n".join([*lines, "", f"*{_machine(result)}.*"])


_PARTS: dict[str, Callable[[LessonFile, list[str]], str]] = {
    "results": _results,
    "table": _table,
    "value": _value,
    "figure": _figure,
}


def _chapters(book: list[LessonFile], root: Path) -> str:
    lines = [
        _row(["chapter", "lesson", "article", "shows", "measured", "time and memory"]),
        _row(["---"] * 6),
    ]
    previous = ""
    for lesson in book:
        folder = lesson.path.parent.relative_to(root).as_posix()
        chapter = "" if lesson.chapter == previous else f"[{lesson.chapter}]({folder}/)"
        previous = lesson.chapter
        name = f"[{lesson.name}]({folder}/{lesson.path.name})"
        fields = lesson.fields
        lines.append(
            _row([chapter, name, fields.get("Article section", ""), fields.get("Shows", ""), *_measured(lesson)])
        )
    return "\n".join(lines)


def _measured(lesson: LessonFile) -> tuple[str, str]:
    recorded = _recorded(lesson)
    if not recorded:
        return "not recorded yet", ""
    keys = lesson.headline
    if not keys:
        keys = [key for key in next(iter(recorded.values()))["figures"] if "/" not in key][:1]
    entries = {key: _one(lesson, key) for key in keys}
    figures = [f"`{key}` {format_figure(entry)}" for key, entry in entries.items() if entry is not None]
    costs = [
        f"{profile} {_seconds(result['seconds'])}, {result['peak_memory_mb'] / 1000:.1f} GB"
        for profile, result in reversed(recorded.items())
    ]
    return "; ".join(figures) or "not recorded yet", "; ".join(costs)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"
