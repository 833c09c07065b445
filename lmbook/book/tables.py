"""Tables, numbers and pictures of recorded results as Markdown: what stands between a page's markers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lmbook.book.chapters import LessonFile
from lmbook.book.contents import read_contents
from lmbook.book.listing import seconds
from lmbook.book.results import PROFILES, format_figure, format_value, read_results, table_rows
from lmbook.errors import LmbookError
from lmbook.files import read_json


def _none_yet(lesson: LessonFile) -> str:
    return f"*Not recorded yet: `lmbook run {lesson.name} --full --record`.*"


def recorded_runs(lesson: LessonFile) -> dict[str, dict[str, Any]]:
    """Profile → results, for the profiles that were recorded; the full one first."""
    found = {profile: read_results(lesson, profile) for profile in PROFILES}
    return {profile: result for profile, result in found.items() if result is not None}


def _one(lesson: LessonFile, key: str) -> dict[str, Any] | None:
    """The figure `key` of the full run, or else of the quick one; None where a full run may still record it."""
    recorded = recorded_runs(lesson)
    for result in recorded.values():
        if key in result["figures"]:
            return result["figures"][key]
    if "full" in recorded:
        raise LmbookError(
            f"{lesson.name} recorded no figure {key!r}.",
            f"Correct the key, or run: lmbook run {lesson.name} --full --record",
        )
    return None


def results_table(lesson: LessonFile, keys: list[str]) -> str:
    """The figures `keys` of both profiles, all that stand in no table where none is named, and the runs they are of."""
    recorded = recorded_runs(lesson)
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
    lines += ["", *(conditions(profile, result) for profile, result in recorded.items())]
    return "\n".join(lines)


def conditions(profile: str, result: dict[str, Any]) -> str:
    """In one line: how long a run took, on what, with which versions."""
    return (
        f"*{profile.capitalize()}: {_seconds(result['seconds'])}, {result['peak_memory_mb']:,.0f} MB, "
        f"seed {result['seed']}, {_machine(result)}.*  "
    )


def _machine(result: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return f"{result['device']}; {versions}"


def recorded_table(lesson: LessonFile, words: list[str]) -> str:
    """A table that the lesson made with `lesson.table`: of the full run, or else of the quick one."""
    if len(words) != 1:
        raise LmbookError(f"A table marker names a lesson and one table, not {[lesson.name, *words]}.")
    recorded = recorded_runs(lesson)
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


def recorded_value(lesson: LessonFile, words: list[str]) -> str:
    """One number, for a sentence."""
    if len(words) != 1:
        raise LmbookError(f"A value marker names a lesson and one figure, not {[lesson.name, *words]}.")
    entry = _one(lesson, words[0])
    return "(not recorded yet)" if entry is None else _cell(format_value(entry["value"]))


def picture(lesson: LessonFile, words: list[str]) -> str:
    """A picture of the full run with its caption; of a run that is in the notebook, the way there."""
    if len(words) != 1:
        raise LmbookError(f"A figure marker names a lesson and one picture, not {[lesson.name, *words]}.")
    entry = (read_results(lesson, "full") or {"figures": {}})["figures"].get(f"picture/{words[0]}")
    if entry is None:  # the book keeps the pictures of full runs only
        return _none_yet(lesson)
    if entry["value"].endswith(".ipynb"):
        return f"*{entry['note']}: in [the lesson]({entry['value']}).*"
    return f"![{entry['note']}]({entry['value']})\n\n*{entry['note']}.*"


def benchmark_table(folder: Path, words: list[str]) -> str:
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


def chapter_table(book: list[LessonFile], folder: str) -> str:
    """The chapters in reading order: what each answers, and its lessons; `folder` leads from the page to them."""
    known = {lesson.name: lesson for lesson in book}
    lines = [_row(["chapter", "its question", "lessons"]), _row(["---"] * 3)]
    for chapter in read_contents(book[0].path.parents[1]).chapters if book else ():
        names = ", ".join(_link(known[entry.name], folder) for entry in chapter.lessons)
        title = f"[{chapter.number}. {chapter.title}]({folder}/{chapter.folder}/README.md)"
        lines.append(_row([title, chapter.question, names]))
    return "\n".join(lines)


def lesson_table(book: list[LessonFile], folder: str) -> str:
    """The lessons of the chapter in `folder` in reading order: what each answers, and how long a quick run takes."""
    known = {lesson.name: lesson for lesson in book}
    lines = [_row(["lesson", "what it answers", "quick run"]), _row(["---", "---", "---:"])]
    for chapter in read_contents(book[0].path.parents[1]).chapters if book else ():
        for entry in chapter.lessons if chapter.folder == folder else ():
            lesson = known[entry.name]
            lines.append(
                _row(
                    [_link(lesson, ".." if lesson.chapter != folder else ""), entry.question, seconds(lesson, "quick")]
                )
            )
    return "\n".join(lines)


def figure_table(book: list[LessonFile], folder: str) -> str:
    """All lessons with their headline figures, times and memory; `folder` leads from the page to the chapters."""
    lines = [_row(["lesson", "article", "shows", "measured", "time and memory"]), _row(["---"] * 5)]
    for lesson in book:
        fields = lesson.fields
        lines.append(
            _row(
                [_link(lesson, folder), fields.get("Article section", ""), fields.get("Shows", ""), *_measured(lesson)]
            )
        )
    return "\n".join(lines)


def _link(lesson: LessonFile, folder: str) -> str:
    place = f"{folder}/{lesson.chapter}/" if folder else ""
    return f"[{lesson.fields.get('Title', lesson.name)}]({place}{lesson.name}.ipynb)"


def _measured(lesson: LessonFile) -> tuple[str, str]:
    recorded = recorded_runs(lesson)
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
