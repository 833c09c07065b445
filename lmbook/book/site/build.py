"""Building the site with Sphinx, offline, from the recorded notebooks; no lesson is run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from lmbook.book.site.sources import lay_out
from lmbook.errors import LmbookError
from lmbook.files import write_text

CONFIGURATION = Path(__file__).resolve().parent
BUILDERS = ("html", "epub", "linkcheck", "gettext")
NEEDED = ("sphinx", "myst_nb", "quickjs")
MARK = ".lmbook-site"  # a folder with this file was made here, and may be deleted


def build_site(chapters: Path, build: Path, builder: str = "html") -> tuple[Path, list[str]]:
    """Build the site of the book in `chapters`; gives the folder of the result and Sphinx' warnings.

    Args:
        build: gets the sources that Sphinx reads, in `build/site-work`, and the result: `build/site` for HTML,
            `build/BUILDER` for another builder. Both are made anew.

    Raises:
        LmbookError: no such builder, Sphinx is not installed or stops, or the result's folder holds other files.
    """
    if builder not in BUILDERS:
        raise LmbookError(f"There is no builder {builder!r}.", f"Choose one of: {', '.join(BUILDERS)}.")
    if not all(map(importlib.util.find_spec, NEEDED)):
        raise LmbookError(
            "The site is made with Sphinx, myst-nb and quickjs-ng, which are not all installed.",
            "Run: python -m pip install -r requirements-site.txt",
        )
    work = _empty(build / "site-work")
    output = _empty(build / ("site" if builder == "html" else builder))
    lay_out(chapters, work / "sources")
    return output, _run_sphinx(chapters, work, output, builder)


def _empty(folder: Path) -> Path:
    """`folder`, made anew; what an earlier build left there is deleted, and nothing else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise LmbookError(f"{folder} holds files that no earlier build made.", "Choose another --output.")
    shutil.rmtree(folder, ignore_errors=True)
    write_text(folder / MARK, "")
    return folder


def _run_sphinx(chapters: Path, work: Path, output: Path, builder: str) -> list[str]:
    """Run Sphinx' `builder` on `work/sources`, as a process of its own, since it keeps state; gives its warnings."""
    sources, warnings = work / "sources", work / "warnings.txt"
    command = [sys.executable, "-m", "sphinx", "-q", "--no-color", "-b", builder, "-w", str(warnings)]
    command += ["-c", str(CONFIGURATION), "-d", str(work / "doctrees"), f"-Dlmbook_chapters={chapters}"]
    library = os.pathsep.join(filter(None, [str(CONFIGURATION.parents[2]), os.environ.get("PYTHONPATH")]))
    same = {"SOURCE_DATE_EPOCH": "0", "PYTHONHASHSEED": "0"}  # the same sources give the same files on every day
    environment = os.environ | same | {"PYTHONPATH": library}
    done = subprocess.run([*command, str(sources), str(output)], env=environment, stderr=subprocess.DEVNULL)
    found = warnings.read_text(encoding="utf-8").splitlines() if warnings.exists() else []
    if done.returncode:
        raise LmbookError(f"Sphinx stopped: {' '.join(found) or done.returncode}", "Correct the page that it names.")
    return [line for line in found if line.strip()]
