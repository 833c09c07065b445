"""Leaves out of the finished pages a script of 1.5 MB that the theme puts on every one: a second set of its icons, for
those who add some of their own. The icons that this site shows come from the theme's font."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

_ICON_SCRIPT = re.compile(r"[^\n]*<script[^>]*/fontawesome\.js[^>]*></script>\n")


def setup(app: Sphinx) -> None:
    """Clear up when the theme has copied its files."""
    app.connect("build-finished", _clear_up, priority=900)


def _clear_up(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.name != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_ICON_SCRIPT.sub("", text), encoding="utf-8", newline="\n")
    output = Path(app.outdir)  # .buildinfo names this build's folders; the macros are templates, not pages
    for pattern in ("_static/scripts/fontawesome.js*", "_static/*webpack-macros.html", ".buildinfo"):
        for path in list(output.glob(pattern)):
            path.unlink()
