"""The library's source on a page: a line `[[source lmbook.layers.MultiHeadAttention]]` in a lesson's text shows it.

The source is read from its file whenever notebooks are made, so that it is never a copy that may be out of date. Files
are read, not imported: pages are made without TensorFlow.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from lmbook.book.chapters import PACKAGE
from lmbook.errors import LmbookError

_MARK = re.compile(r"^\[\[source ([\w.]+)\]\]$", re.M)
_FIX = "Correct the mark [[source …]] of the lesson."
_DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def with_sources(text: str) -> str:
    """`text` with each line `[[source NAME]]` replaced by the source of NAME, folded.

    Raises:
        LmbookError: the library has no such module, class, function or method.
    """
    return _MARK.sub(lambda match: _folded(match[1]), text)


def _folded(name: str) -> str:
    path, code = library_source(name)
    title = f"The library's source: <code>{name.rpartition('.')[2]}</code> in <code>{path}</code>"
    return f"<details>\n<summary>{title}</summary>\n\n```python\n{code}\n```\n\n</details>"


def library_source(name: str) -> tuple[str, str]:
    """Where `name` stands, as `lmbook/layers/attention.py`, and its lines, indented as at the left margin.

    Args:
        name: the dotted name of a module, class, function or method, by its public name or by that of its file.

    Raises:
        LmbookError: there is no such name.
    """
    first, *parts = name.split(".")
    place = PACKAGE if first == PACKAGE.name else None
    while place is not None and parts and place.is_dir():
        place, parts = _inside(place, parts)
    if place is None or place.is_dir():
        raise LmbookError(f"The library has nothing called {name}.", _FIX)
    text = place.read_text(encoding="utf-8")
    body, found = ast.parse(text).body, None
    for part in parts:
        found = next((node for node in body if isinstance(node, _DEFINITION) and node.name == part), None)
        if found is None:
            raise LmbookError(
                f"{_shown(place)} has no {part} ({name}).", "Correct the mark [[source …]] of the lesson."
            )
        body = found.body
    return _shown(place), text.rstrip() if found is None else _lines(text, found)


def _inside(folder: Path, parts: list[str]) -> tuple[Path | None, list[str]]:
    """The file or folder that the first part names, and the parts that are left to be found in it."""
    name, rest = parts[0], parts[1:]
    if (folder / name).is_dir():
        return folder / name, rest
    if (folder / f"{name}.py").is_file():
        return folder / f"{name}.py", rest
    stub = folder / "__init__.pyi"  # what the package offers, and from where
    if stub.is_file():
        for node in ast.parse(stub.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and any((one.asname or one.name) == name for one in node.names):
                path = folder.joinpath(*node.module.split(".")).with_suffix(".py")
                return (path if path.is_file() else None), parts
    return None, parts


def _lines(text: str, node: ast.stmt) -> str:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
    lines = text.splitlines()[first : node.end_lineno]
    return "\n".join(line[node.col_offset :] for line in lines)


def _shown(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).as_posix()
