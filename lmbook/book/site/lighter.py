"""Takes away from the finished pages what they do not use: a script of 1.5 MB that the theme puts on every one, a
second set of its icons, for those who add some of their own; most rules of the style sheets; and a role of references
that screen readers no longer know."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

from lmbook.book.site.used_styles import used_rules, words_of

_ICON_SCRIPT = re.compile(r"[^\n]*<script[^>]*/fontawesome\.js[^>]*></script>\n")
_ROLES = re.compile(r' role="(?:doc-biblioentry|list)"(?=[ >])')
_BY_SCRIPTS = ("bs-",)  # Bootstrap's script puts the names of these classes together
_AS_THEY_ARE = ("katex", "vendor")  # folders of styles of which each page uses another part


def setup(app: Sphinx) -> None:
    """Clear up when the theme has copied its files."""
    app.connect("build-finished", _clear_up, priority=900)


def _clear_up(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.name != "html":
        return
    output = Path(app.outdir)  # .buildinfo names its folders; the macros are templates, not pages
    for pattern in ("scripts/fontawesome.js*", "**/*.css.map", "*webpack-macros.html", "../.buildinfo"):
        for path in list((output / "_static").glob(pattern)):
            path.unlink()
    texts = []
    for page in output.rglob("*.html"):
        text = _ICON_SCRIPT.sub("", page.read_text(encoding="utf-8"))
        texts.append(_ROLES.sub("", text))
        page.write_text(texts[-1], encoding="utf-8", newline="\n")
    scripts = [path for path in output.glob("_static/**/*.js") if path.name != "search-index.js"]
    words = words_of(texts + [path.read_text(encoding="utf-8") for path in scripts])
    for path in output.glob("_static/**/*.css"):
        if not set(_AS_THEY_ARE) & set(path.relative_to(output).parts):
            css = used_rules(path.read_text(encoding="utf-8"), words, _BY_SCRIPTS)
            path.write_text(css, encoding="utf-8", newline="\n")
