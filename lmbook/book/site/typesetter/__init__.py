"""Formulas by KaTeX while the site is built: its script runs here, and no reader's browser has to load it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from lmbook.errors import LmbookError

SCRIPT = Path(__file__).resolve().parent / "katex.min.js"
# The result leaves as JSON: the engine's own strings can be trees of parts, which the wrapper does not know.
_CALL = """
function typeset(tex, display, output) {
  const options = {displayMode: display, output: output, strict: "ignore"}
  try { return JSON.stringify([katex.renderToString(tex, options), ""]) }
  catch (error) { return JSON.stringify(["", String(error.message)]) }
}; 0
"""


@cache
def typeset(tex: str, display: bool = False, output: str = "htmlAndMathml") -> str:
    """The formula `tex` as HTML.

    Args:
        display: set on a line of its own.
        output: "htmlAndMathml" for a page with KaTeX' style sheet, "mathml" for a reader that draws MathML itself.

    Raises:
        LmbookError: KaTeX does not understand the formula.
    """
    text, error = json.loads(_engine()(tex, display, output))
    if error:
        raise LmbookError(f"The formula {tex!r} cannot be set: {error}", "Correct it; KaTeX' page lists what it knows.")
    return text


@cache
def _engine() -> Any:
    import quickjs  # of requirements-site.txt: a small JavaScript engine

    context = quickjs.Context()
    context.eval(SCRIPT.read_text(encoding="utf-8") + ";0")
    context.eval(_CALL)
    return context.get("typeset")
