"""Tables whose first column has no heading: an empty heading confuses those who hear the page instead of seeing it."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    """Look for such tables when a page is written."""
    app.connect("doctree-resolved", _name_empty_headings)


def _name_empty_headings(app: Sphinx, document: nodes.document, page: str) -> None:
    if app.builder.format != "html":
        return
    for head in document.findall(nodes.thead):
        for entry in head.findall(nodes.entry):
            if not entry.astext().strip():
                entry.children = []
                entry += nodes.paragraph("", "", nodes.inline("", "row", classes=["visually-hidden"]))
    for raw in document.findall(nodes.raw):  # tables among a lesson's outputs
        if "<th></th>" in raw.astext():
            raw.parent.replace(raw, nodes.raw("", raw.astext().replace("<th></th>", "<td></td>"), format="html"))
