"""Building the site with Sphinx, offline, from the recorded notebooks; no lesson is run."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
from pathlib import Path

from lmbook.book.site.sources import lay_out
from lmbook.errors import LmbookError

CONFIGURATION = Path(__file__).resolve().parent
BUILDERS = ("html", "epub", "linkcheck", "gettext")


def build_site(chapters: Path, build: Path, builder: str = "html") -> tuple[Path, list[str]]:
    """Build the site of the book in `chapters`; gives the folder of the result and Sphinx' warnings.

    Args:
        build: gets the sources that Sphinx reads, in `build/site-work`, and the result: `build/site` for HTML,
            `build/BUILDER` for another builder. Both are made anew.

    Raises:
        LmbookError: Sphinx is not installed, there is no such builder, or Sphinx fails.
    """
    if builder not in BUILDERS:
        raise LmbookError(f"There is no builder {builder!r}.", f"Choose one of: {', '.join(BUILDERS)}.")
    if importlib.util.find_spec("sphinx") is None or importlib.util.find_spec("myst_nb") is None:
        raise LmbookError(
            "The site is made with Sphinx and myst-nb, which are not installed.",
            "Run: python -m pip install -r requirements-site.txt  (with Python 3.11 or newer)",
        )
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.console import nocolor

    nocolor()
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # the same sources give the same files on every day
    work, output = build / "site-work", build / ("site" if builder == "html" else builder)
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(output, ignore_errors=True)
    lay_out(chapters, work / "sources")
    warnings = io.StringIO()
    try:
        app = Sphinx(
            srcdir=work / "sources",
            confdir=CONFIGURATION,
            outdir=output,
            doctreedir=work / f"{builder}-doctrees",
            buildername=builder,
            confoverrides={
                "lmbook_chapters": str(chapters),
                "bibtex_bibfiles": [str(work / "sources" / "docs" / "references.bib")],
            },
            status=None,
            warning=warnings,
        )
        app.build()
    except SphinxError as error:
        raise LmbookError(f"Sphinx stopped: {error}", "Correct the page that it names.") from error
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]
    return output, [line for line in warnings.getvalue().splitlines() if line.strip()]
