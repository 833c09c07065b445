"""Formulas, set while the site is built: by KaTeX for pages, which load its style sheet alone, and as MathML for an
EPUB, whose readers draw it themselves."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from lmbook.book.site.typesetter import typeset
from lmbook.errors import LmbookError

_TEX = re.compile(r"<annotation encoding=\"application/x-tex\">.*?</annotation>", re.S)
log = logging.getLogger(__name__)


def setup(app: Sphinx) -> None:
    """Register the renderer that `html_math_renderer = "katex"` names."""
    app.add_html_math_renderer("katex", (_inline, None), (_display, None))
    app.connect("html-page-context", _load)


def formula(tex: str, display: bool, builder: str) -> str:
    """The formula `tex` as HTML for Sphinx' `builder`.

    Raises:
        LmbookError: KaTeX does not understand it.
    """
    if builder == "html":
        return typeset(tex, display)
    return _TEX.sub("", typeset(tex, display, "mathml"))  # some readers show every text that they find


def _set(writer: Any, node: nodes.math | nodes.math_block, display: bool) -> str:
    """The formula as HTML; one that cannot be set is warned of, and stays TeX."""
    try:
        return formula(node.astext(), display, writer.builder.name)
    except LmbookError as error:
        log.warning(str(error), location=node, type="formula")
        return f"<code>{writer.encode(node.astext())}</code>"


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(writer.starttag(node, "span", "", CLASS="formula inline notranslate"))
    writer.body.append(_set(writer, node, display=False) + "</span>")
    raise nodes.SkipNode


def _display(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(writer.starttag(node, "div", CLASS="formula-block notranslate"))
    # A wide formula is scrolled, by keyboard too.
    writer.body.append(f'<div class="formula display" tabindex="0">{_set(writer, node, display=True)}</div>')
    if node["number"]:
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def _load(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if app.builder.name == "html" and context.get("has_maths_elements"):
        app.add_css_file("katex/katex.min.css")
