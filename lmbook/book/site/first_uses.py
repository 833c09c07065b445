"""The first use of a glossary term on a page of a chapter is a link to its definition, and shows it as a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PAGE = "docs/glossary"
_NOT_IN = (nodes.reference, nodes.title, nodes.literal, nodes.literal_block, nodes.math, nodes.raw, nodes.entry)


@dataclass(frozen=True)
class Entry:
    """One entry of the glossary's page: its words, its address there, its definition as plain text."""

    names: tuple[str, ...]
    anchor: str
    text: str


def setup(app: Sphinx) -> None:
    """Look for the terms when a page's references are resolved."""
    app.connect("doctree-resolved", FirstUses().link)


def glossary_entries(document: nodes.document) -> list[Entry]:
    """The entries of a page that holds a glossary."""
    found = []
    for glossary in document.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            terms = list(item.findall(nodes.term))
            text = next(item.findall(nodes.definition)).astext()
            found.append(Entry(tuple(term.astext() for term in terms), terms[0]["ids"][0], text))
    return found


class FirstUses:
    """Links the terms of one glossary; the glossary is read when the first page is written."""

    def __init__(self) -> None:
        self.terms: dict[str, Entry] | None = None
        self.pattern = re.compile("")

    def link(self, app: Sphinx, document: nodes.document, page: str) -> None:
        """Make links in the page `document`."""
        if not page.startswith("chapters/") or app.builder.format != "html" or PAGE not in app.env.found_docs:
            return
        if self.terms is None:
            entries = glossary_entries(app.env.get_doctree(PAGE))
            self.terms = {name.lower(): entry for entry in entries for name in entry.names}
            self.pattern = _pattern(self.terms)
        waiting = dict(self.terms)
        address = app.builder.get_relative_uri(page, PAGE)
        for text in [text for text in document.findall(nodes.Text) if _is_prose(text)]:
            self._link_in(text, waiting, address)

    def _link_in(self, text: nodes.Text, waiting: dict[str, Entry], address: str) -> None:
        """Replace `text` by the same text with links; what was linked is no longer waited for."""
        end, made = 0, []
        for found in self.pattern.finditer(text):
            entry = waiting.get(found[1].lower())
            if entry is None:
                continue
            link = nodes.reference("", found[0], internal=True, refuri=f"{address}#{entry.anchor}", reftitle=entry.text)
            link["classes"].append("first-use")
            made += [nodes.Text(text[end : found.start()]), link]
            end = found.end()
            for name in entry.names:
                waiting.pop(name.lower(), None)
        if made:
            text.parent.replace(text, [*made, nodes.Text(text[end:])])


def _is_prose(text: nodes.Text) -> bool:
    node: Any = text.parent
    in_paragraph = False
    while node is not None:
        if isinstance(node, _NOT_IN) or "lesson-facts" in node.get("classes", []):
            return False
        in_paragraph |= isinstance(node, nodes.paragraph)
        node = node.parent
    return in_paragraph


def _pattern(terms: dict[str, Entry]) -> re.Pattern:
    """Any of the terms or its plural; the longest first, so that "self-attention" is not taken for "attention"."""
    names = "|".join(re.escape(name) for name in sorted(terms, key=lambda name: (-len(name), name)))
    return re.compile(rf"(?<![\w-])({names})(?:s|es)?(?![\w-])", re.I)
