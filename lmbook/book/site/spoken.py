"""Words for those who hear a page instead of seeing it: headings of columns that have none, and pictures without a
text of their own."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

_EMPTY_HEADING = re.compile(r"<th\b([^>]*)>\s*</th>")
_TABLE = re.compile(r"\s*<table\b")
PICTURE = "A picture that the cell above drew"


def setup(app: Sphinx) -> None:
    """Look for such tables and pictures when a page is written."""
    app.connect("doctree-resolved", _give_words)


def _give_words(app: Sphinx, document: nodes.document, page: str) -> None:
    if app.builder.format != "html":
        return
    for head in document.findall(nodes.thead):
        for entry in head.findall(nodes.entry):
            if not entry.astext().strip():
                entry.children = []
                entry += nodes.paragraph("", "", nodes.inline("", "row", classes=["visually-hidden"]))
    for raw in list(document.findall(nodes.raw)):  # tables among a lesson's outputs
        if _TABLE.match(raw.astext()):
            table = _EMPTY_HEADING.sub(r"<td\1></td>", raw.astext())
            wide = f'<div class="wide-table" tabindex="0">{table}</div>'  # it moves in itself, by the keyboard too
            raw.parent.replace(raw, nodes.raw("", wide, format="html"))
    for image in document.findall(nodes.image):
        image.setdefault("alt", PICTURE)
