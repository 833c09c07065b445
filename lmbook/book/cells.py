"""The cells of a lesson: its `.py` file is plain Python in which lines that begin with `# %%` part the cells."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass

from lmbook.errors import LmbookError

_START = re.compile(r"^# %%(?: \[(?P<kind>markdown)\])?(?: tags=\[(?P<tags>[^\]]*)\])?\s*$")
_TAGS = ("hide-input", "hide-output", "hide-cell")  # what is folded on a page and in a notebook
_BOOKKEEPING = {"record", "record_mean", "finish"}  # methods of `Lesson` that teach nothing


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        kind: "markdown" or "code".
        source: its text; of a markdown cell without the comment signs.
        line: the number of its first line in the file, counted from 1.
        tags: "hide-input", "hide-output" or "hide-cell", as written after `# %%`: what is folded.
    """

    kind: str
    source: str
    line: int
    tags: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:12]

    @property
    def headings(self) -> list[str]:
        """The headings of a markdown cell."""
        lines = self.source.splitlines() if self.kind == "markdown" else []
        return [line.lstrip("#").strip() for line in lines if re.match(r"#{1,6} ", line)]

    @property
    def folded(self) -> tuple[str, ...]:
        """The tags, and "hide-cell" for a cell that only keeps figures: bookkeeping is not what a page is about."""
        if self.tags or self.kind == "markdown" or not _only_keeps(self.source):
            return self.tags
        return ("hide-cell",)


def read_cells(source: str) -> list[Cell]:
    """The cells of a lesson's source, in order.

    Raises:
        LmbookError: a cell has a tag that is not known, or a markdown cell holds a line that is no comment.
    """
    cells: list[Cell] = []
    kind, tags, first, lines = "code", (), 1, []

    def close() -> None:
        while lines and not lines[-1].strip():
            lines.pop()
        text = [_uncommented(line, first + n) for n, line in enumerate(lines)] if kind == "markdown" else lines
        start = next((n for n, line in enumerate(text) if line.strip()), 0)
        if any(line.strip() for line in text):
            cells.append(Cell(kind, "\n".join(text[start:]).rstrip(), first + start, tags))

    for number, line in enumerate(source.splitlines(), 1):
        match = _START.match(line)
        if match is None:
            lines.append(line)
            continue
        close()
        kind, first, lines = match["kind"] or "code", number + 1, []
        tags = tuple(re.findall(r"[\w-]+", match["tags"] or ""))
        unknown = [tag for tag in tags if tag not in _TAGS]
        if unknown:
            raise LmbookError(f"Line {number}: the tag {unknown[0]!r} is not known.", f"Known: {', '.join(_TAGS)}.")
    close()
    return cells


def _uncommented(line: str, number: int) -> str:
    if line.startswith("# "):
        return line[2:]
    if line.strip() in ("#", ""):
        return ""
    raise LmbookError(f"Line {number} of a markdown cell is no comment: {line!r}.", 'Begin it with "# ".')


def _only_keeps(source: str) -> bool:
    """Every statement calls `lesson.record`, `lesson.record_mean` or `lesson.finish`."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return False
    calls = [one.value for one in statements if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call)]
    names = [call.func for call in calls if isinstance(call.func, ast.Attribute)]
    kept = [name for name in names if getattr(name.value, "id", "") == "lesson" and name.attr in _BOOKKEEPING]
    return bool(statements) and len(kept) == len(statements)
