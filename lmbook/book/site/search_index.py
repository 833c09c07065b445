"""The site's search: one script with the text of all pages, which `static/search.js` gives to MiniSearch.

A page opened from disk may not fetch anything, but it may load a script. So the index is a script, loaded when somebody
searches for the first time. Each section of each page and each term of the glossary is an entry.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from lmbook.book.site.first_uses import glossary_entries
from lmbook.files import write_text

_TEXT = (nodes.paragraph, nodes.caption, nodes.term, nodes.entry, nodes.math_block)
_WITHOUT = (nodes.section, nodes.title, nodes.raw, addnodes.glossary, addnodes.toctree)
_NAMES = re.compile(r"[A-Za-z_]\w{3,}")


def setup(app: Sphinx) -> None:
    """Put the site's own search in the place of the one that Sphinx writes."""
    app.connect("builder-inited", _no_other_search)
    app.connect("html-collect-pages", lambda app: [("search", {"title": "Search"}, "search.html")])
    app.connect("build-finished", _write)
    app.add_js_file("search.js", loading_method="defer")


def _no_other_search(app: Sphinx) -> None:
    app.builder.search = False


def _write(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.name != "html":
        return
    found: list[dict[str, str]] = []
    for page in sorted(app.env.found_docs):
        found += search_entries(app.env.get_doctree(page), app.builder.get_target_uri(page))
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in found)
    write_text(Path(app.outdir) / "_static" / "search-index.js", f"window.lmbookSearch = [\n{lines}\n];\n")


def search_entries(document: nodes.document, address: str) -> list[dict[str, str]]:
    """What can be found on one page: a section or a term each.

    Each has `url`, its address; `page`, the page's title; and, where they are not empty, `heading`, that of the
    section, or the term; `text`; `code`, the names in its code.
    """
    sections = list(document.findall(nodes.section))
    title = _heading(sections[0]) if sections else ""
    found = []
    for index, section in enumerate(sections):
        text, code = _own_text(section)
        url = f"{address}#{section['ids'][0]}" if index else address
        heading = _heading(section) if index else ""
        found.append({"url": url, "page": title, "heading": heading, "text": text, "code": code})
    for entry in glossary_entries(document):
        names = " · ".join(entry.names)
        found.append({"url": f"{address}#{entry.anchor}", "page": title, "heading": names, "text": entry.text})
    return [{key: value for key, value in entry.items() if value} for entry in found]


def _heading(section: nodes.section) -> str:
    return next(section.findall(nodes.title)).astext()


def _own_text(section: nodes.section) -> tuple[str, str]:
    """The text of a section without its subsections, and the names in its code, each once."""
    texts: list[str] = []
    names: dict[str, None] = {}
    waiting = list(reversed(section.children))
    while waiting:
        node = waiting.pop()
        if isinstance(node, _WITHOUT):
            continue
        if isinstance(node, nodes.literal_block):
            names |= dict.fromkeys(_NAMES.findall(node.astext()))
        elif isinstance(node, _TEXT):
            texts.append(" ".join(node.astext().split()))
        else:
            waiting += reversed(node.children)
    return " ".join(texts), " ".join(names)
