"""The file that a lesson leaves: where it lies, what is in it, how two runs are compared.

`chapters/NN_topic/results/<lesson>.json` holds the full run and `<lesson>.quick.json` the quick one::

    {"lesson", "profile", "seed", "versions", "device", "seconds", "peak_memory_mb",
     "figures": {KEY: {"value", "unit", "tolerance", "sd", "n", "note", "at_least", "at_most"}}}

`tolerance` is the absolute difference that another machine may show; null means that the value is not compared. The
last two keys are there where they say something: `at_least` and `at_most` are limits that the figure keeps on every
machine, whatever its tolerance. The cells of a lesson's table have keys `table/row/column`; a picture has the key
`picture/name`, its path as the value and its caption as the note.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from lmbook.book.chapters import PACKAGE, LessonFile
from lmbook.files import read_json

PROFILES = ("full", "quick")
AS_GOOD_AS_ZERO = 0.01  # below it a figure may become 0 within its tolerance


def file_name(lesson: str, profile: str) -> str:
    """The results file's name: `<lesson>.json` for the full profile, `<lesson>.quick.json` for the quick one."""
    return f"{lesson}.json" if profile == "full" else f"{lesson}.{profile}.json"


def book_path(lesson: LessonFile, profile: str) -> Path:
    """Where the book keeps the results of `lesson`."""
    return lesson.path.parent / "results" / file_name(lesson.name, profile)


def scratch_dir(lesson: LessonFile) -> Path:
    """Where results go that are not for the book: `LMBOOK_RESULTS`, else `runs/lessons/`.

    That is beside the chapters; in the folder that one is in, where the lessons came with the installed package or the
    lesson was downloaded alone.
    """
    named = os.environ.get("LMBOOK_RESULTS")
    if named:
        return Path(named)
    chapters = lesson.path.parent.parent
    in_checkout = chapters.name == "chapters" and not chapters.is_relative_to(PACKAGE)
    return (chapters.parent if in_checkout else Path.cwd()) / "runs" / "lessons"


def read_results(lesson: LessonFile, profile: str) -> dict[str, Any] | None:
    """The book's results of `lesson`, None when none were recorded yet."""
    path = book_path(lesson, profile)
    return read_json(path) if path.exists() else None


def figure_entry(
    key: str,
    value: Any,
    unit: str = "",
    tolerance: float | None = 0.0,
    sd: float | None = None,
    n: int | None = None,
    note: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
) -> dict[str, Any]:
    """One checked entry of `figures`.

    A tolerance as large as the value would let the figure fall to nothing unnoticed. Where no limit is given, such a
    figure must therefore keep a tenth of its value, unless it is as good as zero already (`AS_GOOD_AS_ZERO`).

    Raises:
        ValueError: the value is not a finite number, a truth value or a text; the tolerance is negative; or a limit
            stands at what is no number, or above the other limit.
    """
    value = value.item() if hasattr(value, "item") else value  # NumPy's and Keras's scalars
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError(f"figure {key!r}: a value is a number, a truth value or a text, not {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"figure {key!r} is {value}: it cannot be recorded")
    if tolerance is not None and not tolerance >= 0:
        raise ValueError(f"figure {key!r}: the tolerance must be 0 or more, not {tolerance}")
    limits = {"at_least": at_least, "at_most": at_most}
    if is_number(value):
        if at_least is not None and at_most is not None and not at_least <= at_most:
            raise ValueError(f"figure {key!r}: no value is at least {at_least} and at most {at_most}")
        limited = at_least is not None or at_most is not None
        if not limited and tolerance is not None and AS_GOOD_AS_ZERO <= abs(value) <= tolerance:
            limits["at_least" if value > 0 else "at_most"] = value / 10
    elif at_least is not None or at_most is not None:
        raise ValueError(f"figure {key!r}: {value!r} is no number and has no limits")
    entry = {
        "value": value,
        "unit": unit,
        "tolerance": None if tolerance is None else float(tolerance),
        "sd": None if sd is None else float(sd),
        "n": n,
        "note": note,
    }
    return entry | {name: float(limit) for name, limit in limits.items() if limit is not None}


def is_number(value: Any) -> bool:
    """Whether a figure's value is a number, neither a truth value nor a text."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def differences(measured: dict[str, Any], book: dict[str, Any]) -> list[str]:
    """What differs between two results beyond the book's tolerances and limits: sentences; none where they agree."""
    new, old = measured["figures"], book["figures"]
    found = [f"{key}: in the book, but not measured any more" for key in old if key not in new]
    found += [f"{key}: measured, but not in the book" for key in new if key not in old]
    for key in old:
        if key in new:
            found += _disagreements(key, new[key]["value"], old[key])
    return found


def _disagreements(key: str, after: Any, book: dict[str, Any]) -> list[str]:
    before, tolerance = book["value"], book["tolerance"]
    at_least, at_most = book.get("at_least"), book.get("at_most")
    found = []
    if tolerance is not None:
        texts = isinstance(before, str) or isinstance(after, str)
        if not (before == after if texts else abs(after - before) <= tolerance * (1 + 1e-9)):
            found.append(f"{key}: {after} measured, {before} in the book, tolerance {tolerance}")
    if at_least is not None and not (is_number(after) and after >= at_least):
        found.append(f"{key}: {after} measured, by the book at least {at_least}")
    if at_most is not None and not (is_number(after) and after <= at_most):
        found.append(f"{key}: {after} measured, by the book at most {at_most}")
    return found


def format_value(value: Any) -> str:
    """A value as a page shows it: four significant digits, thousands separated, truth values as yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def format_figure(entry: dict[str, Any], unit: bool = True) -> str:
    """A figure with its spread and unit: `0.031 ± 0.002 (n = 3) nats per word`, ± the standard deviation."""
    text = format_value(entry["value"])
    if entry["sd"] is not None:
        rounding = 1e-12 * abs(entry["value"])  # values that are all the same have a spread of about this
        text += f" ± {entry['sd'] if entry['sd'] > rounding else 0:.2g}"
    if entry["n"] is not None:
        text += f" (n = {format_value(entry['n'])})"
    return f"{text} {entry['unit']}" if unit and entry["unit"] else text


def table_rows(figures: dict[str, Any], table: str) -> tuple[list[str], dict[str, dict[str, dict[str, Any]]]]:
    """The table that `lesson.table(table, …)` recorded: (column names, row label → column → figure)."""
    columns: list[str] = []
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for key, entry in figures.items():
        if not key.startswith(f"{table}/"):
            continue
        row, column = key[len(table) + 1 :].rsplit("/", 1)
        rows.setdefault(row, {})[column] = entry
        if column not in columns:
            columns.append(column)
    return columns, rows
