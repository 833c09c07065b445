"""The book as an EPUB whose list of files says which of them hold formulas or drawings, as the format asks for."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder

_FILE = re.compile(r'<item id="[^"]*" href="([^"]+\.xhtml)" media-type="[^"]*"(?= />)')
_KINDS = {"mathml": "<math", "svg": "<svg"}


class Epub(Epub3Builder):
    """Sphinx' builder, and the properties of the files."""

    def build_content(self) -> None:
        super().build_content()
        path = Path(self.outdir) / "content.opf"
        path.write_text(_FILE.sub(self._with_properties, path.read_text(encoding="utf-8")), encoding="utf-8")

    def _with_properties(self, item: re.Match) -> str:
        text = (Path(self.outdir) / item[1]).read_text(encoding="utf-8")
        held = " ".join(name for name, mark in _KINDS.items() if mark in text)
        return f'{item[0]} properties="{held}"' if held else item[0]


def setup(app: Sphinx) -> None:
    """Take the place of Sphinx' own builder of this name."""
    app.add_builder(Epub, override=True)
