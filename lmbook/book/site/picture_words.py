"""What the pictures among a cell's outputs show, in words, for those who cannot see them.

Words that somebody wrote in the cell's metadata come first. Else a diagram brings its own, and a picture of
`lesson.figure` has its caption.
"""

from __future__ import annotations

import ast
import html
import re
from typing import Any

_DIAGRAM = re.compile(r'<svg [^>]*\bclass="lmd[ "].*?<title>(.*?)</title><desc>(.*?)</desc>', re.S)


def with_words(cell: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
    """The code cell with an alternative text for its pictures, where one is known.

    Args:
        figures: the lesson's recorded figures; `picture/NAME` has the caption as its note.
    """
    metadata = cell.get("metadata", {})
    mystnb = metadata.get("mystnb", {})
    words = None if mystnb.get("image", {}).get("alt") else _words(cell, figures)
    if not words:
        return cell
    image = mystnb.get("image", {}) | {"alt": words}
    return cell | {"metadata": metadata | {"mystnb": mystnb | {"image": image}}}


def _words(cell: dict[str, Any], figures: dict[str, Any]) -> str:
    outputs = [output["data"] for output in cell.get("outputs", []) if _is_picture(output)]
    captions = iter(_captions("".join(cell["source"]), figures))
    found = []
    for data in outputs:
        said = _of_diagram("".join(data.get("image/svg+xml", ""))) or "".join(data.get("text/plain", ""))
        found.append(next(captions, "") if not said or said.startswith("<") else said)
    return " ".join(f"{text.rstrip('.')}." if len(outputs) > 1 else text for text in found if text)


def _of_diagram(drawing: str) -> str:
    """Title and description of one of the book's diagrams, which a page shows as an image without its inside."""
    found = _DIAGRAM.match(drawing)
    return html.unescape(f"{found[1]}. {found[2]}") if found else ""


def _is_picture(output: dict[str, Any]) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))


def _captions(source: str, figures: dict[str, Any]) -> list[str]:
    """The captions of the calls `lesson.figure(figure, name, caption)` in the order of the code."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a line for the notebook alone
        return []
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "lesson.figure"]
    found = []
    for call in sorted(calls, key=lambda call: call.lineno):
        words = [argument.value if isinstance(argument, ast.Constant) else None for argument in call.args]
        _, name, caption = [*words, None, None, None][:3]
        entry = figures.get(f"picture/{name}")
        found.append(entry["note"] if entry else caption or "")
    return found
